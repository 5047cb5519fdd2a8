"""Fixtures that more than one room needs."""

import gc
import hashlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

sys.path.insert(0, str(Path(__file__).parent / "helpers"))

if "PYTEST_XDIST_WORKER" in os.environ:  # one a core: threads of two would wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["SWEEPER_STRICT"] = "1"  # a part of a report that cannot be made is an error in every test

from hang_guard import pytest_runtest_protocol, pytest_sessionfinish  # noqa: F401  (hooks of pytest)
from slow_cases import turn_of, without_slow

gc.disable()  # while modules are imported and tests collected, which all stay

if TYPE_CHECKING:
    from report_inputs import Asked
    from synthetic_records import SyntheticRecords

    from sweeper.training.pool.interface import Pool


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--quick``: leave out what `slow_cases` lists, or all of it but a part."""
    parser.addoption("--quick", action="store_true", help="leave out the slow cases (tests/slow_cases.txt)")
    parser.addoption(
        "--slow-parts", type=int, default=0, metavar="N", help="with --quick: one N-th of them is run"
    )


def pytest_configure(config: pytest.Config) -> None:
    """pytest-xdist keeps the order of the files; its own would start those with one long test last.

    Machine code is kept from one run of the tests to the next, as long as what makes it is the same: to
    compile five hundred programs takes half a minute. It does not lie among the user's own, which would go.
    """
    config.option.loadscopereorder = False
    maker = Path(__file__).parents[1] / "sweeper" / "training" / "stacked" / "native" / "target.py"
    kept = getattr(config, "cache", None)  # none with -p no:cacheprovider
    if maker.exists() and kept is not None:
        place = kept.mkdir(f"code-{hashlib.sha256(maker.read_bytes()).hexdigest()[:12]}")
        os.environ.setdefault("SWEEPER_CACHE", str(place))


class Backwards(pytest.Dir):
    """A folder whose last file is read first."""

    def collect(self) -> list[pytest.Item | pytest.Collector]:
        """What is in it."""
        return list(super().collect())[::-1]


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Every other process begins with the last file.

    In a fresh clone pytest compiles all of them, which takes half the time where no two compile the same one.
    """
    odd = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 2
    return Backwards.from_parent(parent, path=path) if odd else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Files with tests that may take long come first: at the end, one process would wait for the other."""
    if config.option.quick:
        parts = config.option.slow_parts
        turn = turn_of(Path(__file__).parents[1] / "sweeper") if parts else 0
        items[:], left_out = without_slow(items, parts, turn)
        config.hook.pytest_deselected(items=left_out)
    long = {item.path for item in items if item.get_closest_marker("timeout") is not None}
    items.sort(key=lambda item: (item.path not in long, item.path))


def pytest_collection_finish() -> None:
    """The garbage collector need not look at modules and tests, nor so often at a few objects."""
    gc.freeze()
    gc.enable()
    gc.set_threshold(10_000, 20, 20)


@pytest.fixture(scope="session")
def records() -> "SyntheticRecords":
    """The three frames of a made-up study; do not change them in place."""
    # loaded late: torch takes seconds, and the process that hands out tests needs none of it
    from synthetic_records import synthetic_records

    return synthetic_records()


@pytest.fixture(scope="session")
def asked(records: "SyntheticRecords") -> "Asked":
    """The made-up run with its tables; do not change them in place."""
    # loaded late: drawing takes seconds
    from report_inputs import asked_of, made_input

    return asked_of(made_input(records))


@pytest.fixture(scope="session")
def whole_report(records: "SyntheticRecords", tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the report of the made-up study, with two warnings: drawn once, by who needs it first."""
    # loaded late: drawing takes seconds
    from report_inputs import warned_input

    from sweeper.report.page import write

    root = tmp_path_factory.getbasetemp()
    folder = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / "whole-report"
    with FileLock(f"{folder}.lock"):
        if not (folder / "index.html").exists():
            write(warned_input(records), folder)
    return folder


@pytest.fixture(scope="session", autouse=True)
def _warm_workers() -> Iterator[None]:
    """Workers of local pools need not import torch one by one: see `warm_workers.py`."""
    # loaded late: it imports the package
    from warm_workers import warm_workers

    with warm_workers():
        yield


@pytest.fixture(scope="module")
def cold_workers() -> Iterator[None]:
    """They start as in a sweep."""
    # loaded late: it imports the package
    from warm_workers import cold_workers as cold

    with cold():
        yield


@pytest.fixture(scope="session")
def one_worker() -> Iterator["Pool"]:
    """A pool of one worker process for all tests that need no more: it takes seconds to start."""
    # loaded late: torch takes seconds
    from sweeper.training.initialize import initialize_worker
    from sweeper.training.pool.local import local_pool

    with local_pool(1, initialize_worker) as pool:
        yield pool


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Torch computes with one thread, as in the workers of a sweep."""
    # loaded late: torch takes seconds
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session", autouse=True)
def _signals_are_heard() -> Iterator[None]:
    """Requests to end do what they usually do, here and in processes that tests start.

    ``nohup`` and shells that start a command in the background have them ignored, and children inherit that.
    """
    usual = {"SIGINT": signal.default_int_handler, "SIGTERM": signal.SIG_DFL, "SIGHUP": signal.SIG_DFL}
    numbers = {getattr(signal, name): handler for name, handler in usual.items() if hasattr(signal, name)}
    ignored = [number for number in numbers if signal.getsignal(number) == signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, numbers[number])
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)
