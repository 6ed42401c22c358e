"""A Dask cluster as the executor of a survey; its workers see the same files under the same names."""

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, Final

import distributed

from survey.catalogue.errors import NoCluster

_CONNECT_S: Final = 30.0


@contextmanager
def open_cluster(address: str) -> Iterator[Executor]:
    """Give the executor of a cluster.

    Parameters
    ----------
    address
        Of its scheduler, such as ``tcp://127.0.0.1:8786``.

    Raises
    ------
    NoCluster
        When nobody answers there within half a minute.
    """
    # Dask types only some of its parts.
    connect: Any = distributed.Client
    try:
        client = connect(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise NoCluster(address, str(error)) from error
    # Dask takes a function of the same arguments for the same work; a job that failed must be done anew.
    with client, client.get_executor(pure=False) as executor:
        yield executor
