"""A verifiable random function: one output for a key and an input, which its holder computes and anyone checks.

ECVRF-EDWARDS25519-SHA512-TAI of RFC 9381 (sections 5.1 to 5.5; suite 0x03), with `validate_key` always on. A proof is
80 bytes: the point gamma, the challenge c in 16 bytes, the scalar s in 32.

A VRF key must not be an Ed25519 signing key too: RFC 8032 and RFC 9381 make the nonce in the same way, so a signature
over the right 32 bytes beside a proof would give the secret away. Validators keep a key of its own for it.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from chain.core.draw_errors import InvalidPoint, InvalidVrfInput, InvalidVrfKey, MalformedVrfProof, WrongVrfProof
from chain.core.edwards25519 import (
    ENCODED_BYTES,
    ORDER,
    Point,
    add_points,
    clear_cofactor,
    decode_point,
    encode_point,
    is_identity,
    multiply,
    multiply_base,
    multiply_two,
    negate_point,
)

SECRET_BYTES: Final = 32
PROOF_BYTES: Final = 80
OUTPUT_BYTES: Final = 64
MAX_INPUT_BYTES: Final = 1024
"""Of an input. The chain's own take 53; as many as 256 tries hash it, so this bounds the work at 256 KiB."""
_SUITE: Final = b"\x03"
_ENCODE, _CHALLENGE, _OUTPUT, _END = b"\x01", b"\x02", b"\x03", b"\x00"
_CHALLENGE_BYTES: Final = 16
_TRIES: Final = 256
"""Values of the one-byte counter; about half of them give a point, so all fail once in 2^256 inputs."""


@dataclass(frozen=True, slots=True)
class _Proof:
    gamma: Point
    challenge: int
    scalar: int


def compute_public_key(secret: bytes) -> bytes:
    """Return the public key, 32 bytes, of a 32-byte secret (RFC 8032, 5.1.5).

    Examples
    --------
    >>> compute_public_key(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")).hex()[:16]
    'd75a980182b10ab7'
    """
    return encode_point(multiply_base(_expand(secret)[0]))


def validate_key(public_key: bytes) -> Point:
    """Return the point of a public key (RFC 9381, 5.4.5).

    Raises
    ------
    InvalidVrfKey
        It is not the encoding of a point, or the point is of small order: then its output would be known to all.
    """
    try:
        point = decode_point(public_key)
    except InvalidPoint as error:
        raise InvalidVrfKey(error.reason) from error
    if is_identity(clear_cofactor(point)):
        raise InvalidVrfKey("its point is of small order, which hides no secret")
    return point


def prove(secret: bytes, data: bytes) -> bytes:
    """Return the proof, 80 bytes, of a secret's output for an input of at most `MAX_INPUT_BYTES`."""
    scalar, prefix = _expand(secret)
    public_key = encode_point(multiply_base(scalar))
    point = encode_to_curve(public_key, data)
    encoded = encode_point(point)
    gamma = multiply(scalar, point)
    nonce = int.from_bytes(hashlib.sha512(prefix + encoded).digest(), "little") % ORDER
    challenge = _compute_challenge(public_key + encoded, gamma, multiply_base(nonce), multiply(nonce, point))
    response = (nonce + challenge * scalar) % ORDER
    return (
        encode_point(gamma)
        + challenge.to_bytes(_CHALLENGE_BYTES, "little")
        + response.to_bytes(ENCODED_BYTES, "little")
    )


def verify(public_key: bytes, data: bytes, proof: bytes) -> bytes:
    """Return the output, 64 bytes, that a proof shows to be the key's for the input.

    Raises
    ------
    InvalidVrfKey, InvalidVrfInput, MalformedVrfProof, WrongVrfProof
        The proof shows nothing, and why.
    """
    key_point = validate_key(public_key)
    parts = _decode_proof(proof)
    point = encode_to_curve(public_key, data)
    challenged = multiply(parts.challenge, negate_point(key_point), digits=2 * _CHALLENGE_BYTES)
    against_key = add_points(multiply_base(parts.scalar), challenged)
    against_point = multiply_two(parts.scalar, point, parts.challenge, negate_point(parts.gamma))
    made = _compute_challenge(public_key + encode_point(point), parts.gamma, against_key, against_point)
    if made != parts.challenge:
        raise WrongVrfProof(public_key)
    return _compute_output(parts.gamma)


def proof_to_hash(proof: bytes) -> bytes:
    """Return the output, 64 bytes, of a proof that was verified or made here; nothing is checked but its form.

    Raises
    ------
    MalformedVrfProof
        The bytes are not a proof.
    """
    return _compute_output(_decode_proof(proof).gamma)


def encode_to_curve(salt: bytes, data: bytes) -> Point:
    """Return the point of prime order that an input hashes to, by try and increment (RFC 9381, 5.4.1.1).

    Parameters
    ----------
    salt
        The public key.
    data
        At most `MAX_INPUT_BYTES`, else `InvalidVrfInput`.
    """
    if len(data) > MAX_INPUT_BYTES:
        raise InvalidVrfInput(len(data), MAX_INPUT_BYTES)
    for counter in range(_TRIES):
        digest = hashlib.sha512(_SUITE + _ENCODE + salt + data + bytes([counter]) + _END).digest()
        try:
            point = clear_cofactor(decode_point(digest[:ENCODED_BYTES]))
        except InvalidPoint:
            continue
        if not is_identity(point):
            return point
    raise AssertionError  # once in 2^256 inputs


def _expand(secret: bytes) -> tuple[int, bytes]:
    if len(secret) != SECRET_BYTES:
        raise InvalidVrfKey(f"a secret has {SECRET_BYTES} bytes")
    digest = hashlib.sha512(secret).digest()
    scalar = int.from_bytes(digest[:32], "little") & (1 << 254) - 8 | 1 << 254
    return scalar, digest[32:]


def _decode_proof(proof: bytes) -> _Proof:
    if len(proof) != PROOF_BYTES:
        raise MalformedVrfProof(f"expected {PROOF_BYTES} bytes")
    try:
        gamma = decode_point(proof[:ENCODED_BYTES])
    except InvalidPoint as error:
        raise MalformedVrfProof(f"gamma: {error.reason}") from error
    split = ENCODED_BYTES + _CHALLENGE_BYTES
    scalar = int.from_bytes(proof[split:], "little")
    if scalar >= ORDER:
        raise MalformedVrfProof("its scalar must be below the order of the group")
    return _Proof(gamma, int.from_bytes(proof[ENCODED_BYTES:split], "little"), scalar)


def _compute_challenge(keyed: bytes, *points: Point) -> int:
    text = _SUITE + _CHALLENGE + keyed + b"".join(encode_point(point) for point in points) + _END
    return int.from_bytes(hashlib.sha512(text).digest()[:_CHALLENGE_BYTES], "little")


def _compute_output(gamma: Point) -> bytes:
    return hashlib.sha512(_SUITE + _OUTPUT + encode_point(clear_cofactor(gamma)) + _END).digest()
