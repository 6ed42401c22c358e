"""Expected failures of the simulator.

::

    CecError
    +-- SampleDataError               everything that sample_data may refuse
        +-- InvalidParameter          a number of a stand, a scanner, a crew or a link is out of range
        +-- InvalidFoundTrees         an array of found trees has the wrong shape or is not finite
        +-- InvalidLinks              a link joins no reports, or a report twice
        +-- InvalidPoints             an array of points has the wrong shape or covers too large an area
"""

from domain.errors import CecError

LARGEST_SEED = 2**63 - 1
"""Seeds are non-negative and fit a signed 64-bit integer, so that any record can hold one."""


class SampleDataError(CecError):
    """Root of what the simulator may refuse."""


class InvalidParameter(SampleDataError):
    """A number that a caller gave is out of range."""

    def __init__(self, name: str, value: object, rule: str) -> None:
        super().__init__(f"Invalid parameter {name} {value!r}: {rule}")
        self.name = name
        self.value = value
        self.rule = rule


class InvalidFoundTrees(SampleDataError):
    """An array of found trees cannot be scored."""

    def __init__(self, shape: tuple[int, ...], rule: str) -> None:
        super().__init__(f"Invalid found trees of shape {shape}: {rule}")
        self.shape = shape
        self.rule = rule


class InvalidLinks(SampleDataError):
    """Links between two campaigns cannot be scored."""

    def __init__(self, link: tuple[int, int], rule: str) -> None:
        super().__init__(f"Invalid link {link}: {rule}")
        self.link = link
        self.rule = rule


class InvalidPoints(SampleDataError):
    """An array of points cannot be made a canopy model."""

    def __init__(self, shape: tuple[int, ...], rule: str) -> None:
        super().__init__(f"Invalid points of shape {shape}: {rule}")
        self.shape = shape
        self.rule = rule


def check_range(name: str, value: float, lowest: float, highest: float) -> None:
    """Raise unless a number lies in a closed range.

    Parameters
    ----------
    name
        Name of the parameter, for the message.
    value
        The number given; not-a-number is refused.
    lowest, highest
        Bounds, both inclusive.

    Raises
    ------
    InvalidParameter
        The number lies outside.

    Examples
    --------
    >>> check_range("trees", 3, 1, 10)
    """
    if not lowest <= value <= highest:
        raise InvalidParameter(name, value, f"it must lie from {lowest} to {highest}")
