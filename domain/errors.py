"""Expected failures, from one root.

::

    CecError                        everything that a caller may expect to fail
    +-- InvalidEncoding             bytes are not the one canonical DAG-CBOR form
    +-- InvalidCid                  text or bytes are not a CID that CEC uses
    +-- InvalidKey                  bytes are not a supported public or private key
    +-- InvalidSignature            a signature does not verify
    +-- InvalidRecord               a body breaks its schema
    |   +-- UnknownKind             no record kind has this name and version
    |   +-- InvalidField            one field breaks its bound
    +-- InvalidMerklePath           a path does not lead from the leaf to the root
    +-- InvalidMerkleTree           leaves are unsorted, doubled or absent
    +-- InvalidTreeCode             text is not a tree code
    |   +-- WrongCheckSymbol        one symbol was misread or two were swapped
    +-- InvalidTopic                an MQTT topic is not one of CEC's

Packages keep their own trees in their ``errors.py``; all hang from :class:`CecError`.
"""


class CecError(Exception):
    """Root of all expected failures; the message says what must hold and, for people, the remedy."""


class InvalidEncoding(CecError):
    """Bytes are not the canonical DAG-CBOR of a value that records may hold."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid DAG-CBOR: {reason}")
        self.reason = reason


class InvalidCid(CecError):
    """Text or bytes are not a CID that CEC uses."""

    def __init__(self, given: str, reason: str) -> None:
        super().__init__(f"Invalid CID {given!r}: {reason}")
        self.given = given
        self.reason = reason


class InvalidKey(CecError):
    """Bytes are not a supported public or private key."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid key: {reason}")
        self.reason = reason


class InvalidSignature(CecError):
    """A signature does not verify under the key that the envelope names."""

    def __init__(self, kind: str, key: str) -> None:
        super().__init__(f"Invalid signature on {kind!r} by {key}: the body was changed or another key signed it")
        self.kind = kind
        self.key = key


class InvalidRecord(CecError):
    """A body breaks the schema of its kind."""


class UnknownKind(InvalidRecord):
    """No record kind has this name and version."""

    def __init__(self, kind: object, version: object) -> None:
        super().__init__(
            f"Invalid record kind {kind!r} version {version!r}: this software does not know it; "
            "update it, or ask the sender which software wrote the record"
        )
        self.kind = kind
        self.version = version


class InvalidField(InvalidRecord):
    """One field of a body breaks its type or bound."""

    def __init__(self, path: str, value: object, rule: str) -> None:
        shown = repr(value)
        super().__init__(f"Invalid field {path} {shown[:80]}: {rule}")
        self.path = path
        self.value = value
        self.rule = rule


class InvalidMerklePath(CecError):
    """A path does not lead from the leaf to the root."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid Merkle path: {reason}")
        self.reason = reason


class InvalidMerkleTree(CecError):
    """Leaves are absent, unsorted or doubled."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid Merkle tree: {reason}")
        self.reason = reason


class InvalidTreeCode(CecError):
    """Text is not a tree code."""

    def __init__(self, given: str, reason: str) -> None:
        super().__init__(f"Invalid tree code {given[:80]!r}: {reason}")
        self.given = given
        self.reason = reason


class WrongCheckSymbol(InvalidTreeCode):
    """The check symbol does not fit: one symbol was misread or two were swapped."""

    def __init__(self, given: str) -> None:
        super().__init__(given, "the last symbol does not fit the others; read the label again")


class InvalidTopic(CecError):
    """An MQTT topic is not one of CEC's."""

    def __init__(self, topic: str, reason: str) -> None:
        super().__init__(f"Invalid topic {topic[:120]!r}: {reason}")
        self.topic = topic
        self.reason = reason
