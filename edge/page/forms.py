"""Bodies of forms: read with bounds, URL-encoded only, since nothing here uploads a file."""

import asyncio
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from edge.page.errors import FormTooLarge, FormTooSlow, InvalidForm

MEDIA: Final = "application/x-www-form-urlencoded"
MAX_BODY: Final = 32 << 10
"""Bytes: a remark of 1,000 characters takes at most 12,000 when each is four bytes escaped, the rest is short."""
MAX_FIELDS: Final = 40
"""Fields of a form; the entry has fourteen."""
READ_S: Final = 10.0
"""Seconds for a body to come: a few kilobytes over a weak local link."""


async def read_form(request: Request, *, within_s: float = READ_S) -> dict[str, str]:
    """Return the fields of a form that comes within so many seconds; of a field named twice the first counts.

    Raises
    ------
    InvalidForm, FormTooLarge, FormTooSlow
        When the body is no form, too long, or does not come.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA:
        raise InvalidForm("the body is of another type")
    try:
        async with asyncio.timeout(within_s):
            body = await _read_body(request)
    except TimeoutError as error:
        raise FormTooSlow(within_s) from error
    except ClientDisconnect as error:
        raise InvalidForm("the connection ended before the form did") from error
    return parse_form(body)


def parse_form(body: bytes) -> dict[str, str]:
    r"""Return the fields of a URL-encoded body; `InvalidForm` when they are too many.

    Examples
    --------
    >>> parse_form(b"remark=split+top%0D%0Aold&height=&height=2")
    {'remark': 'split top\r\nold', 'height': ''}
    """
    try:
        pairs = parse_qsl(
            body.decode("ascii", "replace"), keep_blank_values=True, errors="replace", max_num_fields=MAX_FIELDS
        )
    except ValueError as error:
        raise InvalidForm(f"more than {MAX_FIELDS} fields") from error
    fields: dict[str, str] = {}
    for name, value in pairs:
        fields.setdefault(name, value)
    return fields


async def _read_body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise FormTooLarge(MAX_BODY)
    return bytes(body)
