"""What a deployment decides about its portal."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from portal.errors import InvalidPortalSettings


@dataclass(frozen=True, slots=True)
class PortalSettings:
    """Settings of one portal, built once at the entry.

    Attributes
    ----------
    public_url
        Scheme, host and port that labels lead to; no path: ``https://trees.example``.
    operator
        Who runs this server, as pages name it.
    title
        The register's name on every page.
    source_timeout_s
        Seconds that a page waits for the chain or the block store.
    """

    public_url: str = "http://127.0.0.1:8080"
    operator: str = "the operator of this server"
    title: str = "Tree register"
    source_timeout_s: float = 5.0

    def __post_init__(self) -> None:
        parts = urlsplit(self.public_url)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/") or parts.query:
            raise InvalidPortalSettings("public_url", self.public_url, "give scheme and host only, http://host:port")
        if not 0 < self.source_timeout_s <= 60:  # noqa: PLR2004 - longer than a browser waits
            raise InvalidPortalSettings("source_timeout_s", str(self.source_timeout_s), "between 0 and 60 seconds")
