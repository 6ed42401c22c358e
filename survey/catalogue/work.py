"""What a worker calls: one job by its kind. Only the libraries that the job needs are loaded, here and in workers."""

import ctypes
import importlib
from dataclasses import dataclass
from typing import Any, Final

from domain.errors import CecError

JOBS: Final = {
    "spool": ("survey.catalogue.spool", "spool_file"),
    "ground": ("survey.catalogue.ground", "classify_tile"),
    "trees": ("survey.catalogue.trees", "find_trees"),
    "numbers": ("survey.catalogue.numbering", "number_trees"),
    "layers": ("survey.catalogue.layers", "write_layers"),
    "raster": ("survey.catalogue.rasters", "write_area"),
    "labels": ("survey.catalogue.labels", "label_file"),
    "copc": ("survey.catalogue.copc", "write_cloud"),
}
"""Module and function of each kind; the writers' libraries take as long to load as a tile to survey."""


@dataclass(frozen=True, slots=True)
class JobReport:
    """How a job ended.

    Attributes
    ----------
    reason
        Why it failed; empty where it did not.
    """

    reason: str


def run_job(kind: str, job: Any) -> JobReport:
    """Do a job, and tell how it ended; nothing is raised, as not every failure could travel between processes."""
    module, function = JOBS[kind]
    reason = ""
    try:
        getattr(importlib.import_module(module), function)(job)
    except (CecError, OSError) as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001 - a fault in one tile must not stop the others; it is told by name
        reason = f"{type(error).__name__}: {error}"
    _give_back()
    return JobReport(reason)


def _give_back() -> None:
    """Return freed memory to the system, where the C library can: the next job may need it elsewhere."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
