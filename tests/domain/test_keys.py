import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import keys
from domain.errors import InvalidKey
from domain.keys import P256_ORDER, PublicKey, SigningKey, is_signature

# RFC 8032 section 7.1, tests 1 to 3: secret, public, message, signature.
RFC8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]
# RFC 6979 appendix A.2.5: key of P-256, SHA-256, message "sample".
RFC6979_SECRET = "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721"  # noqa: S105 - published
RFC6979_X = "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
RFC6979_R = "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
RFC6979_S = "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"


@pytest.mark.parametrize(("secret", "public", "message", "signature"), RFC8032)
def test_ed25519_is_that_of_the_rfc(secret: str, public: str, message: str, signature: str) -> None:
    key = SigningKey.from_seed(bytes.fromhex(secret))
    assert key.public.raw == keys.ED25519_PREFIX + bytes.fromhex(public)
    assert key.sign(bytes.fromhex(message)).hex() == signature
    assert is_signature(key.public, bytes.fromhex(message), bytes.fromhex(signature))


def test_p256_key_is_that_of_the_rfc_and_only_the_low_s_counts() -> None:
    key = SigningKey.p256_from_secret(bytes.fromhex(RFC6979_SECRET))
    assert key.public.raw[3:].hex().upper() == RFC6979_X
    high = int(RFC6979_S, 16)
    assert high > P256_ORDER // 2
    low = (P256_ORDER - high).to_bytes(32, "big")
    assert is_signature(key.public, b"sample", bytes.fromhex(RFC6979_R) + low)
    assert not is_signature(key.public, b"sample", bytes.fromhex(RFC6979_R + RFC6979_S))


@given(st.binary(min_size=32, max_size=32).filter(any), st.binary(max_size=100), st.integers(0, 511))
def test_no_flipped_bit_of_a_signature_verifies(seed: bytes, message: bytes, bit: int) -> None:
    key = SigningKey.from_seed(seed)
    signature = bytearray(key.sign(message))
    signature[bit // 8] ^= 1 << bit % 8
    assert not is_signature(key.public, message, bytes(signature))


@pytest.mark.parametrize("raw", [b"", b"\xed\x01" + bytes(31), b"\x80\x24\x02" + b"\xff" * 32, b"\x12\x00" + bytes(32)])
def test_what_is_no_key_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidKey):
        PublicKey(raw)


def test_a_key_shows_no_secret() -> None:
    assert "private" not in repr(SigningKey.from_seed(bytes(32))).lower()
