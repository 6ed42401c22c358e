"""Failures of the pipeline.

::

    CecError
    +-- PipelineError
        +-- InvalidManifest    a manifest does not list what its root says
        +-- InvalidJob         a job's payload is not one of its kind
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
