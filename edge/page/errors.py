"""Requests that the page does not take.

::

    CecError
    +-- EdgeError
        +-- PageError              carries the HTTP status to answer with
            +-- WrongHost          the request was meant for another address
            +-- ForeignOrigin      another site's page sent it
            +-- InvalidForm        the body is no form, or its token is none of ours
            +-- FormTooLarge       the body is too long
            +-- FormTooSlow        the body does not come
"""

from typing import ClassVar

from edge.errors import EdgeError


class PageError(EdgeError):
    """A request that the page does not take."""

    status: ClassVar[int] = 400


class WrongHost(PageError):
    """The request names another host: a foreign name was made to lead here (DNS rebinding), or a typing error."""

    status: ClassVar[int] = 421

    def __init__(self, host: str) -> None:
        super().__init__(f"Invalid address {host[:80]!r}: open this page by the device's own number or name")
        self.host = host


class ForeignOrigin(PageError):
    """Another site's page sent a form to this device."""

    status: ClassVar[int] = 403

    def __init__(self, origin: str) -> None:
        super().__init__(
            f"Invalid origin {origin[:80]!r}: only this device's own page may enter here; open it and retry"
        )
        self.origin = origin


class InvalidForm(PageError):
    """The body is no form of this page."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid form: {reason}; open the page again and retry")
        self.reason = reason


class FormTooLarge(PageError):
    """The body is longer than any form of this page."""

    status: ClassVar[int] = 413

    def __init__(self, most: int) -> None:
        super().__init__(f"Invalid form: longer than {most} bytes; go back and write less")
        self.most = most


class FormTooSlow(PageError):
    """The body does not come to its end."""

    status: ClassVar[int] = 408

    def __init__(self, seconds: float) -> None:
        super().__init__(f"Invalid form: it took longer than {seconds:g} s; go nearer to the device and retry")
        self.seconds = seconds
