"""Write `domain.json`, the golden bytes of records, codes and Merkle trees, for Python and JavaScript.

Run ``python -m tests.vectors.make_domain`` only when a format changes on purpose; a test compares the file with
what the code gives today. Signatures are Ed25519, which is deterministic.
"""

import json
from pathlib import Path
from typing import Any

from domain import codes
from domain.cid import RAW, Cid
from domain.envelope import seal
from domain.merkle import build_tree
from tests.domain.samples import BODIES, KEY
from tests.domain.test_codec import REFUSED

FILE = Path(__file__).with_name("domain.json")


def make() -> dict[str, Any]:
    """Return the vectors as they are written."""
    records = {kind: seal(body, KEY) for kind, body in BODIES.items()}
    secret, cloud = bytes(range(32)), Cid.of(RAW, b"cloud")
    leaves = [bytes(record.cid) for record in records.values()]
    tree = build_tree(sorted(leaves))
    return {
        "records": {
            kind: {"envelope": record.raw.hex(), "cid": str(record.cid), "key": record.key.raw.hex()}
            for kind, record in records.items()
        },
        "refused_cbor": REFUSED,
        "codes": [
            {"secret": secret.hex(), "cloud": str(cloud), "apex": [n, -n, 7 * n], "code": _mint(secret, cloud, n)}
            for n in range(5)
        ],
        "merkle": {
            "leaves": [leaf.hex() for leaf in sorted(leaves)],
            "root": tree.root.hex(),
            "paths": [[item.hex() for item in tree.path(index).hashes] for index in range(tree.count)],
        },
    }


def _mint(secret: bytes, cloud: Cid, n: int) -> str:
    return codes.mint_cloud_code(secret, cloud, (n, -n, 7 * n))


if __name__ == "__main__":
    FILE.write_text(json.dumps(make(), indent=1) + "\n")
