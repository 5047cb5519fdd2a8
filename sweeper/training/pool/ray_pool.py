"""The pool of a Ray cluster that exists already."""

import logging
import socket
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, contextmanager, nullcontext, suppress
from itertools import count
from typing import Any

from sweeper.beside import within
from sweeper.errors import MAX_SHOWN, StateKept, UserError, first_line, named_line
from sweeper.training.pool import messages, node
from sweeper.training.pool.futures_pool import FuturesPool, Signs, answered
from sweeper.training.pool.interface import Lost
from sweeper.training.pool.machine import difference_here, this_machine
from sweeper.training.pool.private_ray import silenced

PATIENCE = 10.0
"""Seconds in which a port must take a connection, and a cluster must let go of one."""
ANSWER = 30.0
"""Seconds in which a cluster must have taken this process in."""
STARTING = 60.0
"""Seconds in which a machine must have started a worker, which imports sweeper."""
SELDOM = 4
"""Looks of `node.LOOK` seconds between two signs of life."""
# loaded late: ray comes with the extra [ray] alone


@contextmanager
def ray_pool(
    address: str, tell: Callable[[str], None], prepare: Callable[[], object]
) -> Iterator[FuturesPool]:
    """The pool of the cluster at `address`: ``auto`` is this machine's, ``host:10001`` a client server.

    Raises:
        UserError: if nothing answers there, or a machine there has other versions.
    """
    import ray
    from ray.util.client import ray as client

    mine = not ray.is_initialized()
    if mine:
        _connect(ray, address)
    try:
        with silenced(ray, client) if mine else nullcontext():
            backend = RayBackend(ray, address, node.Driver(this_machine(), prepare))
            backend.shake_hands()
            with closing(FuturesPool(backend, tell)) as pool:
                yield pool
    finally:
        if mine:
            with suppress(Exception):  # it may be gone
                within(PATIENCE, ray.shutdown)


def _connect(ray: Any, address: str) -> None:
    start = "start one with: ray start --head"
    try:
        if address != "auto":
            start = "start one with: ray start --head --ray-client-server-port 10001"
            host, _, port = address.rpartition(":")
            socket.create_connection((host, int(port)), PATIENCE).close()
        place = address if address == "auto" else f"ray://{address}"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what they say stands in the exception, too
            # Ray itself tries for minutes. In a thread it also leaves the handler of SIGTERM alone, which
            # keeps what is finished.
            options = {"logging_level": logging.CRITICAL, "log_to_driver": False}
            within(ANSWER, lambda: ray.init(place, **options))
    except Exception as error:  # each release has its own
        said = " ".join(str(error).split())
        if "Version mismatch" in said:
            raise UserError(
                f"--pool ray://{address}: its versions are not those of this machine ({said[:300]}); install "
                "the same ones here and there"
            ) from None
        token = " A cluster that wants a token: set RAY_AUTH_MODE=token." if "client" in str(error) else ""
        raise UserError(
            f"--pool ray://{address}: no Ray answers there ({first_line(error, MAX_SHOWN)}); {start}.{token}"
        ) from None


class RayBackend:
    """`Backend` of the Ray that this process is connected to."""

    def __init__(self, ray: Any, address: str, driver: node.Driver) -> None:
        self._ray, self._address, self._driver = ray, address, driver
        gpus = self._asked(ray.cluster_resources).get("GPU", 0)
        self._resource = "GPU" if gpus else "CPU"
        self._run = ray.remote(num_cpus=1, num_gpus=1 if gpus else 0, max_retries=0)(_run)
        self._references: dict[Any, Any] = {}
        self._board: Any = None
        self._signs, self._numbers, self._calls = Signs(), count(), dict[Any, int]()
        self._door = address if address != "auto" else ray.get_runtime_context().gcs_address

    def shake_hands(self) -> None:
        """Ask every machine of the cluster for its versions.

        Raises:
            UserError: if one has others.
        """
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On

        ask = self._ray.remote(num_cpus=0, max_retries=0)(difference_here)
        nodes = [each for each in self._asked(self._ray.nodes) if each["Alive"]]
        calls = {
            each["NodeName"]: ask.options(scheduling_strategy=On(each["NodeID"], soft=False)).remote(
                this_machine()
            )
            for each in nodes
        }
        for name, call in calls.items():
            try:
                difference = self._ray.get(call, timeout=STARTING)
            except Exception as error:  # it has no sweeper, or is gone
                difference = f"it cannot run sweeper ({named_line(error, MAX_SHOWN)})"
            if difference:
                raise UserError(f"--pool ray://{self._address}: machine {name} is refused: {difference}")

    def width(self) -> int:
        """`Backend.width`: processors of the cluster, or its GPUs where it has some."""
        return int(self._resources().get(self._resource, 0))

    def put(self, blob: messages.Blob) -> Any:
        """`Backend.put`"""
        return self._asked(lambda: self._ray.put(blob))

    def start(self, call: bytes, values: list[Any], then: Callable[[], None]) -> Any:
        """`Backend.start`"""

        number = next(self._numbers)

        def run() -> tuple[Any, Any]:
            if self._board is None:
                self._board = self._ray.remote(num_cpus=0, max_restarts=-1)(Board).remote()
            reference = self._run.remote(call, self._driver, self._board, number, *values)
            return reference, reference.future()

        reference, future = self._asked(run)
        self._references[future], self._calls[future] = reference, number
        future.add_done_callback(lambda _: then())
        return future

    def answer(self, future: Any) -> messages.Answer | Lost:
        """`Backend.answer`"""
        self._references.pop(future, None)
        self._calls.pop(future, None)
        try:
            answer: messages.Answer = future.result()
        except Exception as error:  # a worker's or a machine's end has many names
            return Lost(f"its Ray worker is gone: {named_line(error, MAX_SHOWN)}")
        return answer

    def stop(self, future: Any) -> None:
        """`Backend.stop`"""
        reference, number = self._references.pop(future, None), self._calls.pop(future, None)
        if reference is None:
            return

        def cancel() -> None:
            # Ray misses a call that is just about to start; by force it would end a worker that has the
            # next call already. The board tells the call itself.
            self._ray.cancel(reference)
            self._board.forget.remote(number)

        with suppress(StateKept):  # of a cluster that is gone
            self._asked(cancel)

    def silent(self) -> Collection[Any]:
        """`Backend.silent`: by the signs that calls leave on a board, as Ray does not watch its workers."""
        if self._board is None:
            return ()
        try:
            asked = self._board.signs.remote(list(self._calls.values()))
            signs = within(PATIENCE, lambda: self._ray.get(asked, timeout=PATIENCE))
        except Exception:  # the board moves to another machine, or Ray is gone, which `check` will say
            return ()
        return self._signs.silent({future: signs.get(number) for future, number in self._calls.items()})

    def check(self) -> None:
        """`Backend.check`"""
        self._resources()

    def _resources(self) -> dict[str, float]:
        """Of the cluster, if it is there; Ray itself waits for minutes, or ends this process."""
        host, _, port = self._door.rpartition(":")
        self._asked(lambda: socket.create_connection((host, int(port)), PATIENCE).close())
        found: dict[str, float] = self._asked(self._ray.cluster_resources)
        return found

    def close(self) -> None:
        """`Backend.close`"""
        self._references.clear()
        if self._board is not None:
            with suppress(StateKept):  # of a cluster that is gone
                self._asked(lambda: self._ray.kill(self._board))

    def _asked(self, ask: Callable[[], Any]) -> Any:
        def connected() -> Any:
            if not self._ray.is_initialized():  # Ray would start a cluster of its own
                raise ConnectionError("disconnected")
            return ask()

        return answered(connected, f"Ray cluster at {self._address}")


class Board:
    """An actor of the cluster that counts the signs of life of calls, and says which nobody wants."""

    def __init__(self) -> None:
        self._signs: Counter[int] = Counter()
        self._forgotten: set[int] = set()

    def sign(self, number: int) -> bool:
        """Of a call that runs; whether it is still wanted."""
        self._signs[number] += 1
        return number not in self._forgotten

    def forget(self, number: int) -> None:
        """A call that is no longer wanted."""
        self._forgotten.add(number)

    def signs(self, numbers: Collection[int]) -> dict[int, int]:
        """How many each of these calls has given; those that have given one."""
        return {number: self._signs[number] for number in numbers if number in self._signs}


def _run(call: bytes, driver: node.Driver, board: Any, number: int, *blobs: messages.Blob) -> messages.Answer:
    """In the main thread of a Ray worker, which Ray interrupts when nobody wants the call any more.

    A thread beside it follows the call, so that an interrupt cannot come between two steps of that. Meanwhile
    the `board` gets signs of life, and tells of an interrupt that was missed.
    """
    unwanted, beside = threading.Event(), ThreadPoolExecutor(1)
    sign = board.sign.remote(number)
    try:
        answer = beside.submit(node.run_call, call, driver, blobs, unwanted.is_set)
        for look in count(1):
            if answer.done():
                break
            if look % SELDOM == 0:
                if _is_unwanted(sign):
                    unwanted.set()
                sign = board.sign.remote(number)
            wait([answer], node.LOOK)  # Ray's interrupt wakes nobody up
        return answer.result()
    finally:
        unwanted.set()
        beside.shutdown()


def _is_unwanted(sign: Any) -> bool:
    """What the board has answered to `sign`; nobody wants calls of a driver that took its board away."""
    import ray
    from ray.exceptions import ActorDiedError, RayError

    try:
        return bool(ray.wait([sign], timeout=0)[0]) and not ray.get(sign)
    except ActorDiedError:
        return True
    except RayError:  # it moves to another machine
        return False
