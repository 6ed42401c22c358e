"""Failures of the pipeline.

::

    CecError
    +-- PipelineError
        +-- InvalidManifest    a manifest does not list what its root says
        +-- InvalidJob         a job's payload is not one of its kind
        +-- TooManyKnown       more is known of a survey's ground or frame than one comparison takes
        +-- DayTooLarge        a crew's day has more readings than are told at once
        +-- NoTreePlaced       nothing tells where any tree of a crew's day stands
        +-- NotNow             passes by itself; the job waits and is taken again
            +-- RegisterBehind     the register does not hold all trees of the journal yet
            +-- TreesCame          trees were admitted while a survey was compared with those before
"""

from domain.errors import CecError


class PipelineError(CecError):
    """Root of the pipeline's failures."""


class InvalidManifest(PipelineError):
    """A manifest does not list what its root says."""

    def __init__(self, manifest: str, reason: str) -> None:
        super().__init__(f"Invalid manifest {manifest}: {reason}")
        self.manifest = manifest
        self.reason = reason


class InvalidJob(PipelineError):
    """A job's payload is not one of its kind."""

    def __init__(self, job: str, reason: str) -> None:
        super().__init__(f"Invalid job {job!r}: {reason}")
        self.job = job
        self.reason = reason


class TooManyKnown(PipelineError):
    """More is known of a survey's ground or frame than one comparison takes."""

    def __init__(self, most: int, known: str) -> None:
        super().__init__(
            f"Invalid survey for a comparison: more than {most:,} {known}; survey less at once: a cloud in smaller "
            "parts, a plot in several frames, crews in campaigns of their own"
        )
        self.most = most
        self.known = known


class DayTooLarge(PipelineError):
    """A crew's day has more readings than are told at once."""

    def __init__(self, size: int, most: int) -> None:
        super().__init__(
            f"Invalid crew day of {size / 1e6:,.0f} MB of readings: at most {most / 1e6:,.0f} MB are told at once; "
            "give crews campaigns of their own"
        )
        self.size = size
        self.most = most


class NoTreePlaced(PipelineError):
    """Nothing tells where any tree of a crew's day stands, so no record can be made of them."""

    def __init__(self, trees: int) -> None:
        super().__init__(
            f"No record of a crew's {trees} trees: no position and no known label tells where they stand; readings "
            "that come later for this day are taken with them"
        )
        self.trees = trees


class NotNow(PipelineError):
    """Something that passes by itself; the job waits and is taken again."""


class RegisterBehind(NotNow):
    """The register does not hold all trees of the journal yet."""

    def __init__(self, waited_s: float) -> None:
        super().__init__(f"The register has not caught up with the journal within {waited_s:g} s; it is tried again")
        self.waited_s = waited_s


class TreesCame(NotNow):
    """Trees of the organisation were admitted while a survey was compared with those before."""

    def __init__(self, org: str) -> None:
        super().__init__(f"Trees of {org} came from elsewhere while a survey was compared; it is compared again")
        self.org = org
