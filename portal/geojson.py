"""Pages of GeoJSON, joined from the features that the register holds ready."""

import json
from collections.abc import Sequence


def encode_collection(features: Sequence[bytes], self_url: str, next_url: str | None) -> bytes:
    """Return a FeatureCollection (RFC 7946) with OGC API's links, without decoding a feature.

    Examples
    --------
    >>> encode_collection([], "u", None)
    b'{"type":"FeatureCollection","links":[{"rel": "self", "href": "u"}],"numberReturned":0,"features":[]}'
    """
    links = [{"rel": "self", "href": self_url}]
    if next_url is not None:
        links.append({"rel": "next", "href": next_url})
    head = f'{{"type":"FeatureCollection","links":{json.dumps(links)},"numberReturned":{len(features)},"features":['
    return head.encode() + b",".join(features) + b"]}"
