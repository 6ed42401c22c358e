"""A job: one cloud as COPC, which viewers and services read in part over the network."""

from dataclasses import dataclass
from pathlib import Path

from survey.files.clouds import open_cloud
from survey.files.copc import write_copc
from survey.files.crs import CloudCrs


@dataclass(frozen=True, slots=True)
class CopcJob:
    """One cloud to write.

    Attributes
    ----------
    path
        Of the cloud: its labelled copy, where it has one.
    crs
        Of the area.
    outcome
        Where it goes; it ends with ``.copc.laz``.
    """

    path: Path
    crs: CloudCrs
    outcome: Path


def write_cloud(job: CopcJob) -> None:
    """Write the cloud.

    Raises
    ------
    SurveyError
        When it cannot be decoded, or COPC cannot hold its points.
    """
    job.outcome.parent.mkdir(parents=True, exist_ok=True)
    write_copc(open_cloud(job.path), job.outcome, crs=job.crs)
