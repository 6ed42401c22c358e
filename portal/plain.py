"""Values of a record as JSON shows them: links as `{"/": cid}`, bytes as hex."""

from collections.abc import Mapping
from typing import Any

from domain.cid import Cid
from domain.codec import Value


def make_plain(value: Value) -> Any:  # noqa: ANN401 - JSON is recursive
    r"""Return `value` with links and bytes spelt out; integers stay as they were signed.

    Examples
    --------
    >>> make_plain({"a": b"\x01", "b": [1]})
    {'a': '01', 'b': [1]}
    """
    if isinstance(value, Mapping):
        return {key: make_plain(each) for key, each in value.items()}
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Cid):
        return {"/": str(value)}
    if isinstance(value, list | tuple):
        return [make_plain(each) for each in value]
    return value
