"""Failures of the registry.

::

    TxRefused
    +-- NotTheAuthority        1   only the registry's authority registers organisations
    +-- OrganisationExists     2   the organisation is registered already
    +-- UnknownOrganisation    3   no organisation of this id is registered
    +-- NotTheAdmin            4   only the organisation's admin speaks about its keys
    +-- KeyTaken               5   the key is accredited already, or was
    +-- UnknownKey             6   the organisation has no such key
    +-- KeyRevoked             7   the key was revoked before
    +-- InvalidEntry           8   a field breaks its form
"""

from chain.core.errors import TxRefused


class RegistryRefusal(TxRefused):
    """Root of the registry's failures."""

    CODESPACE = "registry"


class NotTheAuthority(RegistryRefusal):
    """Only the registry's authority registers organisations."""

    CODE = 1

    def __init__(self, signer: str, authority: str) -> None:
        super().__init__(f"{signer} may not register organisations: {authority or 'nobody'} may, by the genesis")
        self.signer = signer
        self.authority = authority


class OrganisationExists(RegistryRefusal):
    """The organisation is registered already."""

    CODE = 2

    def __init__(self, org: str) -> None:
        super().__init__(f"Organisation {org!r} is registered already: choose another id")
        self.org = org


class UnknownOrganisation(RegistryRefusal):
    """No organisation of this id is registered."""

    CODE = 3

    def __init__(self, org: str) -> None:
        super().__init__(f"No organisation {org[:40]!r} is registered")
        self.org = org


class NotTheAdmin(RegistryRefusal):
    """Only the organisation's admin speaks about its keys."""

    CODE = 4

    def __init__(self, signer: str, org: str) -> None:
        super().__init__(f"{signer} is not the admin of organisation {org!r}")
        self.signer = signer
        self.org = org


class KeyTaken(RegistryRefusal):
    """The key is accredited already, or was."""

    CODE = 5

    def __init__(self, key: bytes) -> None:
        super().__init__(f"Key {key.hex()} is in the registry already: a key speaks for one organisation, once")
        self.key = key


class UnknownKey(RegistryRefusal):
    """The organisation has no such key."""

    CODE = 6

    def __init__(self, org: str, key: bytes) -> None:
        super().__init__(f"Organisation {org!r} has no key {key.hex()}")
        self.org = org
        self.key = key


class KeyRevoked(RegistryRefusal):
    """The key was revoked before."""

    CODE = 7

    def __init__(self, key: bytes, revoked_ms: int) -> None:
        super().__init__(f"Key {key.hex()} was revoked at {revoked_ms} ms")
        self.key = key
        self.revoked_ms = revoked_ms


class InvalidEntry(RegistryRefusal):
    """A field breaks its form."""

    CODE = 8

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"Invalid {field}: {rule}")
        self.field = field
        self.rule = rule
