"""What runs in pools are made in and compared with."""

from collections.abc import Iterator

import pytest
from clusters import WORKERS
from whole_runs import run, study

from sweeper.result import Result
from sweeper.training.initialize import initialize_worker
from sweeper.training.pool.interface import Pool
from sweeper.training.pool.local import local_pool


@pytest.fixture(scope="module")
def home() -> Iterator[Pool]:
    """Worker processes of this machine, for all runs: their imports take longer than a run."""
    with local_pool(WORKERS, initialize_worker) as pool:
        yield pool


@pytest.fixture(scope="module")
def expected(home: Pool, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """What processes of this machine make of it."""
    return run(tmp_path_factory.mktemp("local"), study(), home, jobs=WORKERS)
