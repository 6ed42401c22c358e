"""Failures of the pipeline.

::

    CecError
    +-- PipelineError
        +-- InvalidManifest    a manifest does not list what its root says
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
