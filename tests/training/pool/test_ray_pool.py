"""What the pool of Ray says of clusters that it cannot use; Ray itself is made up."""

import socket
import sys
import time
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from clusters import nothing

from sweeper.errors import StateKept, UserError
from sweeper.training.pool import messages, node, ray_pool
from sweeper.training.pool.machine import this_machine
from sweeper.training.pool.node import Driver
from sweeper.training.pool.ray_pool import RayBackend

MISMATCH = """Version mismatch: The cluster was started with:
    Ray: 2.59.0
    Python: 3.12.1
This process on Ray Client was started with:
    Ray: 2.60.0
    Python: 3.11.7
"""


class MadeUp:
    """As much of Ray as a backend asks for: one machine, which says `difference` of its versions."""

    def __init__(self, difference: str) -> None:
        self.difference, self.connected = difference, True

    def is_initialized(self) -> bool:
        return self.connected

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 2.0}

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "NodeName": "node7", "NodeID": "a"}]

    def remote(self, **options: Any) -> Any:
        asked = SimpleNamespace(remote=lambda machine: "call")
        return lambda function: SimpleNamespace(options=lambda **more: asked)

    def get(self, call: str, timeout: float) -> str:
        return self.difference


@pytest.fixture
def scheduling(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one module of Ray that a handshake imports."""
    module = ModuleType("scheduling_strategies")
    vars(module)["NodeAffinitySchedulingStrategy"] = lambda node, soft: node
    for name in ("ray", "ray.util"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "ray.util.scheduling_strategies", module)


def test_a_machine_with_other_versions_is_refused(scheduling: None) -> None:
    """In one line that names it and the difference."""
    driver = Driver(this_machine(), nothing)
    with pytest.raises(UserError) as refused:
        RayBackend(MadeUp("node7 has torch 2.1.0, the driver 2.13.0"), "host:1", driver).shake_hands()
    assert str(refused.value) == (
        "--pool ray://host:1: machine node7 is refused: node7 has torch 2.1.0, the driver 2.13.0"
    )
    RayBackend(MadeUp(""), "host:1", driver).shake_hands()


def test_a_cluster_of_another_ray_or_python_is_refused() -> None:
    """With all that Ray says of it, in one line."""

    def init(*given: Any, **options: Any) -> None:
        raise RuntimeError(MISMATCH)

    with pytest.raises(UserError) as refused:
        ray_pool._connect(SimpleNamespace(init=init), "auto")
    said = str(refused.value)
    assert "Ray: 2.59.0 Python: 3.12.1 This process on Ray Client was started with: Ray: 2.60.0" in said
    assert said.endswith("install the same ones here and there")
    assert "\n" not in said


def test_a_connection_that_is_lost_starts_no_cluster() -> None:
    """Asked without one, Ray would start its own in this process."""
    ray = MadeUp("")
    with socket.create_server(("127.0.0.1", 0)) as door:
        address = f"127.0.0.1:{door.getsockname()[1]}"
        backend = RayBackend(ray, address, Driver(this_machine(), nothing))
        assert backend.width() == 2
        ray.connected = False
        with pytest.raises(StateKept, match=f"the Ray cluster at {address} is gone"):
            backend.width()
        backend._references = {"future": "reference"}
        backend.stop("future")  # `MadeUp` has no `cancel`, and is not asked for it


class MadeUpBoard:
    """A board whose answer to every sign is `answer`, or the error that Ray raises for it."""

    def __init__(self, answer: bool | Exception) -> None:
        self.sign = SimpleNamespace(remote=lambda number: answer)


def slept(seconds: float) -> float:
    """What it was given, after as long."""
    time.sleep(seconds)
    return seconds


@pytest.mark.parametrize("gone", [False, True], ids=["cancelled", "closed"])
def test_a_call_whose_interrupt_was_missed_learns_it_from_the_board(
    gone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends once the board forgets it, or is taken away; a board that moves ends nothing."""
    errors = ModuleType("ray.exceptions")
    for name in ("RayError", "ActorDiedError"):
        vars(errors)[name] = type(name, (Exception if name == "RayError" else errors.RayError,), {})
    ray = ModuleType("ray")
    vars(ray).update(wait=lambda signs, timeout: (signs, []), get=answer_or_error, exceptions=errors)
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setitem(sys.modules, "ray.exceptions", errors)
    monkeypatch.setattr(ray_pool, "SELDOM", 1)
    monkeypatch.setattr(node, "LOOK", 0.02)
    driver = Driver(this_machine(), nothing)
    unwanted = MadeUpBoard(errors.ActorDiedError() if gone else False)
    start = time.monotonic()
    assert ray_pool._run(messages.dumps((slept, (60.0,))), driver, unwanted, 7).outcome is None
    assert time.monotonic() - start < 30
    for board in (MadeUpBoard(True), MadeUpBoard(errors.RayError())):
        answer = ray_pool._run(messages.dumps((slept, (0.2,))), driver, board, 7)
        assert answer.outcome is not None
        assert messages.read(answer.outcome) == (0.2, None)


def answer_or_error(sign: bool | Exception) -> bool:
    """As ``ray.get``."""
    if isinstance(sign, Exception):
        raise sign
    return sign
