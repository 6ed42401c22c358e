"""A real Dask cluster surveys as well as this process does."""

import gc
import warnings
from pathlib import Path
from typing import Any

import distributed
import pytest

from survey.catalogue.cluster import open_cluster
from survey.catalogue.errors import NoCluster
from tests.survey.catalogue.scenes import run, write_quarters


@pytest.mark.slow
def test_a_cluster_finds_the_same_trees(tmp_path: Path) -> None:
    paths = write_quarters(tmp_path / "in")
    run(paths, tmp_path / "here", 50.0)
    start: Any = distributed.LocalCluster
    with (
        start(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",
            host="127.0.0.1",
            local_directory=tmp_path,
        ) as cluster,
        open_cluster(cluster.scheduler_address) as executor,
    ):
        result = run(paths, tmp_path / "there", 50.0, executor=executor)
    assert not result.failures
    for name in ("trees.parquet", "crowns.parquet", "terrain.tif", "canopy.tif"):
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()
    with warnings.catch_warnings():
        # Sockets that Dask leaves to the garbage collector are its own affair.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def test_an_address_without_a_scheduler_is_refused() -> None:
    with pytest.raises(NoCluster, match="dask scheduler"), open_cluster("nowhere://1"):
        pass
