"""Bodies out of envelopes that an index gave: their signatures and forms were checked when they were admitted."""

from domain.codec import Value, decode_map


def read_body(raw: bytes) -> dict[str, Value]:
    """Return an indexed envelope's body."""
    body = decode_map(raw)["body"]
    if not isinstance(body, dict):
        raise AssertionError("an indexed envelope holds a body")  # noqa: TRY004  # a bug, not an input
    return body
