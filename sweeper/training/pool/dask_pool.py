"""The pool of a Dask cluster that exists already (``distributed``)."""

import logging
import math
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import Any

from sweeper.beside import within
from sweeper.errors import MAX_SHOWN, StateKept, UserError, first_line, named_line
from sweeper.training.pool import messages, node
from sweeper.training.pool.futures_pool import FuturesPool, Signs, answered
from sweeper.training.pool.interface import Lost
from sweeper.training.pool.machine import difference_here, this_machine
from sweeper.wording import given

LOOK = 0.5
"""Seconds between two looks for a worker."""
PATIENCE = 10.0
"""Seconds in which a scheduler must answer."""
FORBIDDEN = "_sweeper_allows_no_failures"
"""Attribute of a scheduler: the failures that it allowed before, and the clients of which it allows none."""
ATTEMPTS = 5
"""Times that values are sent to the workers while some of these leave."""
# loaded late: distributed comes with the extra [dask] alone


@contextmanager
def dask_pool(
    address: str,
    tell: Callable[[str], None],
    prepare: Callable[[], object],
    patience: float = math.inf,
) -> Iterator[FuturesPool]:
    """The pool of the cluster whose scheduler is at `address`, ``host:8786``.

    Raises:
        UserError: if nothing answers there, or no worker has the driver's versions.
        TimeoutError: if no worker has joined after `patience` seconds.
    """
    from distributed import Client

    place, options = f"tcp://{address}", {"set_as_default": False, "name": "sweeper"}
    try:  # its own limit is for its first message alone, not for the answer
        client = within(PATIENCE, lambda: Client(place, timeout=PATIENCE, **options))
    except (OSError, ValueError) as error:
        raise UserError(
            f"--pool dask://{address}: no scheduler answers there within {given(PATIENCE)} s "
            f"({first_line(error, MAX_SHOWN)}); start one with: dask scheduler"
        ) from None
    chatter = logging.getLogger("distributed.client")
    level = chatter.level
    chatter.setLevel(logging.CRITICAL)  # that a scheduler is gone is told once, and by this package
    try:
        backend = DaskBackend(client, address, node.Driver(this_machine(), prepare))
        try:
            backend.shake_hands(tell, patience)
        except BaseException:
            backend.close()
            raise
        with closing(FuturesPool(backend, tell)) as pool:
            yield pool
    finally:
        with suppress(Exception):  # it may be gone
            client.close(timeout=PATIENCE)
        chatter.setLevel(level)


class DaskBackend:
    """`Backend` of a Dask client."""

    def __init__(self, client: Any, address: str, driver: node.Driver) -> None:
        self._client, self._address, self._driver = client, address, driver
        self._blobs: dict[str, messages.Blob] = {}
        self._scattered: dict[str, Any] = {}
        # A call that takes its worker down would take down three others: what is lost is tried again here.
        try:
            client.run_on_scheduler(_forbid_failures, client.id)
        except Exception as error:  # it cannot read what it is sent
            what = named_line(error, MAX_SHOWN)
            raise UserError(
                f"--pool dask://{address}: its scheduler cannot run sweeper ({what}); install the same "
                "versions there as here"
            ) from None
        self._refused, self._silent, self._signs = set[str](), set[str](), Signs()
        self._futures: set[Any] = set()
        self._needed = {"GPU": 1} if any(self._gpus().values()) else None

    def shake_hands(self, tell: Callable[[str], None], patience: float = math.inf) -> None:
        """Leave out the workers that have other versions, once there are some.

        Raises:
            UserError: if none has the same.
            TimeoutError: if there is none after `patience` seconds.
        """
        if not self._asked(self._client.nthreads):
            tell("no worker is there yet; the run waits until one has joined")
            self._wait_for_a_worker(patience)
        found = self._asked(lambda: self._client.run(difference_here, this_machine(), on_error="return"))
        unlike = {worker: _text(said) for worker, said in found.items() if said}
        for worker, difference in unlike.items():
            tell(f"worker {worker} is left out: {difference}")
        self._refused = set(unlike)
        if found and len(unlike) == len(found):
            first = next(iter(unlike.items()))
            raise UserError(f"--pool dask://{self._address}: worker {first[0]} is refused: {first[1]}")

    def width(self) -> int:
        """`Backend.width`: threads of all workers, or GPUs where they name such a resource."""
        threads = self._gpus() if self._needed else self._asked(self._client.nthreads)
        return sum(count for worker, count in threads.items() if worker not in self._left_out())

    def put(self, blob: messages.Blob) -> str:
        """`Backend.put`: to every worker, so that it outlives those that leave."""
        self._blobs[blob.name] = blob
        self._scatter(blob.name)
        return blob.name

    def start(self, call: bytes, values: list[str], then: Callable[[], None]) -> Any:
        """`Backend.start`"""
        for name in values:
            if self._scattered[name].status in ("cancelled", "lost", "error"):
                self._scatter(name)
        given = [self._scattered[name] for name in values]
        left_out = self._left_out()
        others = (
            [worker for worker in self._client.nthreads() if worker not in left_out] if left_out else None
        )
        future = self._client.submit(
            *(_run, call, self._driver, *given),
            **{"pure": False, "retries": 0, "workers": others, "priority": 0, "resources": self._needed},
        )
        self._futures.add(future)
        future.add_done_callback(lambda _: then())
        return future

    def answer(self, future: Any) -> messages.Answer | Lost:
        """`Backend.answer`"""
        self._futures.discard(future)
        try:
            answer: messages.Answer = future.result(timeout=PATIENCE)
        except Exception as error:  # a worker's end has many names: its own, and those of what it had
            return Lost(f"its Dask worker is gone: {named_line(error, MAX_SHOWN)}")
        return answer

    def stop(self, future: Any) -> None:
        """`Backend.stop`"""
        self._futures.discard(future)
        with suppress(Exception):  # of a scheduler that is gone
            future.cancel(force=True)

    def silent(self) -> Collection[Any]:
        """`Backend.silent`: by the signs that Dask's workers give their scheduler, every 1 + n / 200 s of n.

        Dask gives silent ones up after minutes, and gives them tasks until then; here they are left out.
        """
        seen, theirs = self._asked(lambda: self._client.run_on_scheduler(_seen, list(self._silent)))
        self._silent = self._signs.silent(seen, more=len(seen) // 100)
        lost = {key for worker in self._silent for key in theirs.get(worker, ())}
        return [future for future in self._futures if future.key in lost]

    def check(self) -> None:
        """`Backend.check`"""
        self._asked(self._client.nthreads)

    def close(self) -> None:
        """`Backend.close`"""
        with suppress(Exception):  # of a scheduler that is gone
            self._client.run_on_scheduler(_allow_failures, self._client.id)
        self._scattered.clear()

    def _left_out(self) -> set[str]:
        return self._refused | self._silent

    def _gpus(self) -> dict[str, int]:
        """GPUs that each worker was started with, ``--resources "GPU=1"``."""
        found: dict[str, int] = self._asked(lambda: self._client.run_on_scheduler(_gpus))
        return found

    def _wait_for_a_worker(self, patience: float = math.inf) -> None:
        """Dask gives nothing to workers that are still to come; a scheduler that has gone is noticed."""
        end = time.monotonic() + patience
        while not self._asked(self._client.nthreads):
            if time.monotonic() > end:
                raise TimeoutError(f"no worker has joined within {given(patience)} s")
            time.sleep(LOOK)

    def _scatter(self, name: str) -> None:
        """Send to all workers; if one leaves or stops meanwhile, to a single one, which the others ask."""
        blob, options = self._blobs[name], {"hash": False, "timeout": PATIENCE}
        for attempt in range(ATTEMPTS):
            self._wait_for_a_worker()
            send = partial(self._client.scatter, blob, broadcast=attempt == 0, **options)
            try:
                self._scattered[name] = self._asked(send)
                return
            except StateKept:
                if attempt + 1 == ATTEMPTS:
                    raise
                time.sleep(LOOK)

    def _asked(self, ask: Callable[[], Any]) -> Any:
        return answered(ask, f"Dask scheduler at {self._address}")


def _run(call: bytes, driver: node.Driver, *blobs: messages.Blob) -> messages.Answer:
    """In a thread of a Dask worker."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def unwanted() -> bool:
        task = worker.state.tasks.get(key)
        return task is None or task.state in ("cancelled", "released", "forgotten")

    return node.run_call(call, driver, blobs, unwanted)


def _forbid_failures(client: str, dask_scheduler: Any) -> None:
    """In the scheduler: no task may lose its worker while `client` is there."""
    before, clients = getattr(dask_scheduler, FORBIDDEN, (dask_scheduler.allowed_failures, set()))
    setattr(dask_scheduler, FORBIDDEN, (before, {*clients & dask_scheduler.clients.keys(), client}))
    dask_scheduler.allowed_failures = 0


def _allow_failures(client: str, dask_scheduler: Any) -> None:
    """In the scheduler: as many as before, once no other client forbids them."""
    before, clients = getattr(dask_scheduler, FORBIDDEN, (dask_scheduler.allowed_failures, set()))
    if others := clients & dask_scheduler.clients.keys() - {client}:
        setattr(dask_scheduler, FORBIDDEN, (before, others))
    else:
        dask_scheduler.allowed_failures = before
        vars(dask_scheduler).pop(FORBIDDEN, None)


def _seen(workers: list[str], dask_scheduler: Any) -> tuple[dict[str, float], dict[str, list[str]]]:
    """In the scheduler: when it has heard of each worker, and the tasks that some are given."""
    known = dask_scheduler.workers
    tasks = {name: [task.key for task in known[name].processing] for name in workers if name in known}
    return {name: each.last_seen for name, each in known.items()}, tasks


def _gpus(dask_scheduler: Any) -> dict[str, int]:
    """In the scheduler: the resource GPU of every worker."""
    return {name: int(each.resources.get("GPU", 0)) for name, each in dask_scheduler.workers.items()}


def _text(said: object) -> str:
    return said if isinstance(said, str) else f"it has no sweeper ({type(said).__name__}: {said})"[:300]
