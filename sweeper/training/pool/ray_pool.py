"""The pool of a Ray cluster that exists already."""

import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

from sweeper.errors import StateKept, UserError
from sweeper.training.pool import messages, node
from sweeper.training.pool.futures_pool import FuturesPool
from sweeper.training.pool.interface import Lost
from sweeper.training.pool.machine import this_machine

# loaded late: ray comes with the extra [ray] alone


@contextmanager
def ray_pool(
    address: str, tell: Callable[[str], None], prepare: Callable[[], object]
) -> Iterator[FuturesPool]:
    """The pool of the cluster at `address`: ``auto``, of this machine, or ``host:10001``, a client server.

    Raises:
        UserError: if nothing answers there.
    """
    import ray

    where, mine = (address if address == "auto" else f"ray://{address}"), not ray.is_initialized()
    try:
        if mine:
            ray.init(where, logging_level=logging.ERROR, log_to_driver=False, configure_logging=False)
    except (ConnectionError, OSError, ValueError, RuntimeError) as error:
        raise UserError(
            f"--pool ray://{address}: no cluster answers there ({str(error).splitlines()[0][:200]}); "
            "start one with: ray start --head"
        ) from None
    try:
        with closing(
            FuturesPool(RayEngine(ray, address, node.Driver(this_machine(), prepare)), tell)
        ) as pool:
            yield pool
    finally:
        if mine:
            with suppress(Exception):  # it may be gone
                ray.shutdown()


class RayEngine:
    """`Engine` of the Ray that this process is connected to."""

    def __init__(self, ray: Any, address: str, driver: node.Driver) -> None:
        self._ray, self._address, self._driver = ray, address, driver
        resources = self._asked(ray.cluster_resources)
        wanted = {"num_gpus": 1} if resources.get("GPU") else {}
        self._resource = "GPU" if wanted else "CPU"
        self._run = ray.remote(num_cpus=1, max_retries=0, **wanted)(_run)
        self._references: dict[Any, Any] = {}

    def width(self) -> int:
        """`Engine.width`: processors of the cluster, or its GPUs where it has some."""
        return int(self._asked(self._ray.cluster_resources).get(self._resource, 0))

    def put(self, blob: messages.Blob) -> Any:
        """`Engine.put`"""
        return self._asked(lambda: self._ray.put(blob))

    def start(self, call: bytes, values: list[Any], then: Callable[[], None]) -> Any:
        """`Engine.start`"""
        reference = self._asked(lambda: self._run.remote(call, self._driver, *values))
        future = reference.future()
        self._references[future] = reference
        future.add_done_callback(lambda _: then())
        return future

    def answer(self, future: Any) -> messages.Answer | Lost:
        """`Engine.answer`"""
        self._references.pop(future, None)
        try:
            answer: messages.Answer = future.result()
        except Exception as error:  # a worker's or a machine's end has many names
            return Lost(f"its Ray worker is gone: {_in_short(error)}")
        return answer

    def stop(self, future: Any) -> None:
        """`Engine.stop`"""
        reference = self._references.pop(future, None)
        if reference is not None:
            with suppress(Exception):  # of a cluster that is gone
                self._ray.cancel(reference, force=True)

    def check(self) -> None:
        """`Engine.check`"""
        self._asked(self._ray.cluster_resources)

    def close(self) -> None:
        """`Engine.close`"""
        self._references.clear()

    def _asked(self, ask: Callable[[], Any]) -> Any:
        """What the cluster answers.

        Raises:
            StateKept: if it does not.
        """
        try:
            return ask()
        except Exception as error:  # each release has its own
            raise StateKept(f"the Ray cluster at {self._address} is gone ({_in_short(error)})") from error


def _run(call: bytes, driver: node.Driver, *blobs: messages.Blob) -> messages.Answer:
    """In a Ray worker."""
    return node.run_call(call, driver, blobs)


def _in_short(error: BaseException) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}"
