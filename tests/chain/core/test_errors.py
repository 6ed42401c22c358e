from collections.abc import Iterator

from chain.applications.anchor import errors as anchor_errors
from chain.applications.registry import errors as registry_errors
from chain.core.errors import TxRefused

MODULES_OF_ERRORS = (anchor_errors, registry_errors)


def find_refusals(root: type[TxRefused] = TxRefused) -> Iterator[type[TxRefused]]:
    for refusal in root.__subclasses__():
        yield refusal
        yield from find_refusals(refusal)


def test_every_refusal_has_a_code_of_its_own() -> None:
    leaves = [refusal for refusal in find_refusals() if not refusal.__subclasses__()]
    codes = [(refusal.CODESPACE, refusal.CODE) for refusal in leaves]
    assert len(codes) > 20
    assert len(set(codes)) == len(codes)
    assert all(code > 0 for _, code in codes)


def test_codes_once_given_stay() -> None:
    # What stands in results on chains that run; a change here is a change of consensus.
    codes = {(refusal.CODESPACE, refusal.CODE): refusal.__name__ for refusal in find_refusals() if refusal.CODE}
    assert codes == {
        ("core", 1): "MalformedTx",
        ("core", 2): "WrongSignature",
        ("core", 3): "WrongSequence",
        ("core", 4): "UnknownAccount",
        ("core", 5): "FeeTooLow",
        ("core", 6): "FundsTooLow",
        ("core", 7): "OutOfGas",
        ("core", 8): "TxExpired",
        ("core", 9): "UnknownMessage",
        ("core", 10): "WrongSigner",
        ("core", 11): "InvalidAddress",
        ("core", 12): "InvalidAmount",
        ("core", 13): "InvalidGenesis",
        ("anchor", 1): "AnchorExists",
        ("anchor", 2): "InvalidRoot",
        ("anchor", 3): "InvalidCount",
        ("anchor", 4): "InvalidManifest",
        ("registry", 1): "NotTheAuthority",
        ("registry", 2): "OrganisationExists",
        ("registry", 3): "UnknownOrganisation",
        ("registry", 4): "NotTheAdmin",
        ("registry", 5): "KeyTaken",
        ("registry", 6): "UnknownKey",
        ("registry", 7): "KeyRevoked",
        ("registry", 8): "InvalidEntry",
    }
