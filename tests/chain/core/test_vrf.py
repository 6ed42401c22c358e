import hashlib
from itertools import count

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.core import vrf
from chain.core.draw_errors import ChanceRefused, InvalidVrfInput, InvalidVrfKey, MalformedVrfProof, WrongVrfProof
from chain.core.edwards25519 import ORDER, add_points, decode_point, encode_point, multiply, multiply_base
from tests.chain.core.test_edwards25519 import BAD, SMALL_ORDER

# RFC 9381, appendix B.3, examples 16 to 18: secret, public key, input, H, U, V, proof, output.
VECTORS = (
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "91bbed02a99461df1ad4c6564a5f5d829d0b90cfc7903e7a5797bd658abf3318",
        "aef27c725be964c6a9bf4c45ca8e35df258c1878b838f37d9975523f09034071",
        "5016572f71466c646c119443455d6cb9b952f07d060ec8286d678615d55f954f",
        (
            "8657106690b5526245a92b003bb079ccd1a92130477671f6fc01ad16f26f723f"
            "26f8a57ccaed74ee1b190bed1f479d9727d2d0f9b005a6e456a35d4fb0daab12"
            "68a1b0db10836d9826a528ca76567805"
        ),
        (
            "90cf1df3b703cce59e2a35b925d411164068269d7b2d29f3301c03dd757876ff"
            "66b71dda49d2de59d03450451af026798e8f81cd2e333de5cdf4f3e140fdd8ae"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "5b659fc3d4e9263fd9a4ed1d022d75eaacc20df5e09f9ea937502396598dc551",
        "1dcb0a4821a2c48bf53548228b7f170962988f6d12f5439f31987ef41f034ab3",
        "fd03c0bf498c752161bae4719105a074630a2aa5f200ff7b3995f7bfb1513423",
        (
            "f3141cd382dc42909d19ec5110469e4feae18300e94f304590abdced48aed593"
            "3bf0864a62558b3ed7f2fea45c92a465301b3bbf5e3e54ddf2d935be3b67926d"
            "a3ef39226bbc355bdc9850112c8f4b02"
        ),
        (
            "eb4440665d3891d668e7e0fcaf587f1b4bd7fbfe99d0eb2211ccec90496310eb"
            "5e33821bc613efb94db5e5b54c70a848a0bef4553a41befc57663b56373a5031"
        ),
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "bf4339376f5542811de615e3313d2b36f6f53c0acfebb482159711201192576a",
        "2bae73e15a64042fcebf062abe7e432b2eca6744f3e8265bc38e009cd577ecd5",
        "88cba1cb0d4f9b649d9a86026b69de076724a93a65c349c988954f0961c5d506",
        (
            "9bc0f79119cc5604bf02d23b4caede71393cedfbb191434dd016d30177ccbf80"
            "96bb474e53895c362d8628ee9f9ea3c0e52c7a5c691b6c18c9979866568add7a"
            "2d41b00b05081ed0f58ee5e31b3a970e"
        ),
        (
            "645427e5d00c62a23fb703732fa5d892940935942101e456ecca7bb217c61c45"
            "2118fec1219202a0edcf038bb6373241578be7217ba85a2687f7a0310b2df19f"
        ),
    ),
)
SECRET, KEY, DATA, PROOF = (bytes.fromhex(VECTORS[2][i]) for i in (0, 1, 2, 6))
SECRETS = st.binary(min_size=32, max_size=32)


@pytest.mark.parametrize("vector", VECTORS)
def test_the_rfcs_values_come_out(vector: tuple[str, ...]) -> None:
    secret, key, data, point, _, _, proof, output = (bytes.fromhex(text) for text in vector)
    assert vrf.compute_public_key(secret) == key
    assert encode_point(vrf.encode_to_curve(key, data)) == point
    assert vrf.prove(secret, data) == proof
    assert vrf.verify(key, data, proof) == output
    assert vrf.proof_to_hash(proof) == output


@pytest.mark.parametrize("vector", VECTORS)
def test_the_rfcs_steps_in_between_hash_to_the_challenge_in_its_proof(vector: tuple[str, ...]) -> None:
    _, key, _, point, first, second, proof, _ = (bytes.fromhex(text) for text in vector)
    text = b"\x03\x02" + key + point + proof[:32] + first + second + b"\x00"
    assert hashlib.sha512(text).digest()[:16] == proof[32:48]


@settings(max_examples=15, deadline=None)
@given(SECRETS, st.binary(max_size=100))
def test_what_is_proved_verifies_under_openssls_key_and_nothing_else_does(secret: bytes, data: bytes) -> None:
    key = Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
    proof = vrf.prove(secret, data)
    assert vrf.verify(key, data, proof) == vrf.proof_to_hash(proof)
    with pytest.raises(WrongVrfProof):
        vrf.verify(key, data + b"\x00", proof)


@pytest.mark.parametrize("place", range(vrf.PROOF_BYTES))
def test_a_proof_with_a_bit_turned_is_refused(place: int) -> None:
    changed = bytearray(PROOF)
    changed[place] ^= 1 << place % 8
    with pytest.raises((MalformedVrfProof, WrongVrfProof)):
        vrf.verify(KEY, DATA, bytes(changed))


def test_a_proof_under_another_key_is_refused() -> None:
    with pytest.raises(WrongVrfProof) as caught:
        vrf.verify(bytes.fromhex(VECTORS[0][1]), DATA, PROOF)
    assert caught.value.public_key.hex() == VECTORS[0][1]


def test_the_same_scalar_written_larger_is_refused() -> None:
    scalar = int.from_bytes(PROOF[48:], "little")
    with pytest.raises(MalformedVrfProof, match="below the order"):
        vrf.verify(KEY, DATA, PROOF[:48] + (scalar + ORDER).to_bytes(32, "little"))
    with pytest.raises(MalformedVrfProof, match="below the order"):
        vrf.proof_to_hash(PROOF[:48] + ORDER.to_bytes(32, "little"))


@pytest.mark.parametrize("length", [0, 79, 81])
def test_a_proof_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(MalformedVrfProof, match="80 bytes"):
        vrf.verify(KEY, DATA, (PROOF + PROOF)[:length])


@pytest.mark.parametrize(("point", "reason"), [case for case in BAD if len(case[0]) == 32])
def test_a_gamma_or_a_key_with_a_second_encoding_is_refused(point: bytes, reason: str) -> None:
    with pytest.raises(MalformedVrfProof, match=reason):
        vrf.verify(KEY, DATA, point + PROOF[32:])
    with pytest.raises(InvalidVrfKey, match=reason):
        vrf.verify(point, DATA, PROOF)


@pytest.mark.parametrize("key", SMALL_ORDER)
def test_a_key_of_small_order_is_refused(key: str) -> None:
    with pytest.raises(InvalidVrfKey, match="small order"):
        vrf.validate_key(bytes.fromhex(key))


@pytest.mark.parametrize("key", SMALL_ORDER[1:])
def test_a_proof_that_needs_no_secret_under_a_key_of_small_order_is_refused(key: str) -> None:
    point = vrf.encode_to_curve(bytes.fromhex(key), DATA)
    text = b"\x03\x02" + bytes.fromhex(key) + encode_point(point) + bytes.fromhex(SMALL_ORDER[0])
    challenge = hashlib.sha512(text + encode_point(multiply_base(5)) + encode_point(multiply(5, point)) + b"\x00")
    forged = bytes.fromhex(SMALL_ORDER[0]) + challenge.digest()[:16] + (5).to_bytes(32, "little")
    with pytest.raises(InvalidVrfKey, match="small order"):
        vrf.verify(bytes.fromhex(key), DATA, forged)


@pytest.mark.parametrize("torsion", SMALL_ORDER[1:])
def test_a_holder_who_bends_gamma_by_a_point_of_small_order_gets_the_same_output(torsion: str) -> None:
    scalar = int.from_bytes(hashlib.sha512(SECRET).digest()[:32], "little") & (1 << 254) - 8 | 1 << 254
    point = vrf.encode_to_curve(KEY, DATA)
    bent = encode_point(add_points(decode_point(PROOF[:32]), decode_point(bytes.fromhex(torsion))))

    def challenge_of(nonce: int) -> bytes:
        ends = encode_point(multiply_base(nonce)) + encode_point(multiply(nonce, point))
        text = b"\x03\x02" + KEY + encode_point(point) + bent + ends + b"\x00"
        return hashlib.sha512(text).digest()[:16]

    nonce = next(nonce for nonce in count(1) if challenge_of(nonce)[0] % 8 == 0)  # one in eight hides the bend
    challenge = challenge_of(nonce)
    response = (nonce + int.from_bytes(challenge, "little") * scalar) % ORDER
    proof = bent + challenge + response.to_bytes(32, "little")
    assert proof != PROOF
    assert vrf.verify(KEY, DATA, proof) == vrf.proof_to_hash(PROOF)


def test_inputs_are_bounded() -> None:
    vrf.encode_to_curve(KEY, bytes(vrf.MAX_INPUT_BYTES))
    too_long = bytes(vrf.MAX_INPUT_BYTES + 1)
    with pytest.raises(InvalidVrfInput, match="1025 bytes: at most 1024"):
        vrf.prove(SECRET, too_long)
    with pytest.raises(InvalidVrfInput, match="1025 bytes: at most 1024"):
        vrf.verify(KEY, too_long, PROOF)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_secret_of_another_length_is_refused_without_being_shown(length: int) -> None:
    with pytest.raises(InvalidVrfKey, match="32 bytes") as caught:
        vrf.prove(b"\xab" * length, DATA)
    assert "ab" * 3 not in str(caught.value)


@settings(max_examples=40, deadline=None)
@given(
    st.binary(max_size=40) | st.just(KEY), st.binary(min_size=70, max_size=90) | st.just(PROOF), st.binary(max_size=9)
)
def test_any_bytes_verify_or_are_refused(key: bytes, proof: bytes, data: bytes) -> None:
    try:
        output = vrf.verify(key, data, proof)
    except ChanceRefused:
        return
    assert (key, data, proof) == (KEY, DATA, PROOF)
    assert output.hex() == VECTORS[2][7]
