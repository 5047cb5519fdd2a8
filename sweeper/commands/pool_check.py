"""What `sweeper doctor` says of a pool: whether it answers, how wide it is, and whether a study fills it."""

from contextlib import ExitStack

from sweeper.asked import load_study
from sweeper.doctor.finding import Finding
from sweeper.errors import UserError
from sweeper.search.occupancy import advice
from sweeper.training.initialize import initialize_worker
from sweeper.training.pool.interface import Pool
from sweeper.training.pool.local import local_pool, workers_here
from sweeper.training.pool.registry import open_pool


def check_pool(place: str, study: str | None) -> list[Finding]:
    """The pool at `place`, ``--pool``, and how much of it `study` keeps busy.

    Its workers are asked for their versions, as before a run.
    """
    told = list[str]()
    try:
        with ExitStack() as opened:
            home = opened.enter_context(local_pool(1, initialize_worker))
            asked = None if study is None else load_study(home, study, ())
            width = (
                len(workers_here(None, "auto" if asked is None else asked.training.device))
                if place == "local"
                else _width(opened, place, told)
            )
    except UserError as error:
        return [Finding("pool", False, str(error), f"then again: sweeper doctor --pool {place}")]
    found = [Finding("pool", True, "; ".join([f"{place}: {width} at a time", *told]))]
    if asked is None:
        return found
    return [
        *found,
        Finding("study", True, f"{asked.name}: {asked.search.trials} trials", advice(asked.search, width)),
    ]


def _width(opened: ExitStack, place: str, told: list[str]) -> int:
    pool: Pool = opened.enter_context(open_pool(place, 1, told.append))
    return pool.width
