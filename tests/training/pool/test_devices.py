"""Which worker gets which GPU; the lists are made up, the worker processes are real."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from clusters import nothing

from sweeper.training.pool import devices, messages, node
from sweeper.training.pool.devices import VISIBLE, assigned, gpus, least_used, listed, named
from sweeper.training.pool.local import local_pool, workers_here
from sweeper.training.pool.machine import this_machine

LISTING = """GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-aa11-22)
  MIG 3g.20gb     Device  0: (UUID: MIG-c6d4-01)
  MIG 3g.20gb     Device  1: (UUID: MIG-c6d4-02)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-bb33-44)
"""


@pytest.fixture
def with_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """A torch with CUDA, and the machine of `LISTING`."""
    monkeypatch.setattr(devices, "torch_has_cuda", lambda: True)
    monkeypatch.setattr(devices, "_present", lambda: tuple(listed(LISTING)))
    monkeypatch.delenv(VISIBLE, raising=False)


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        ("0,1", ["0", "1"]),
        (" 3 , 2 ", ["3", "2"]),
        ("", []),
        ("-1", []),
        ("0,-1,1", ["0"]),
        ("0,,1", ["0"]),
        ("NoDevFiles", []),
        ("GPU-aa11,MIG-c6d4-01", ["GPU-aa11", "MIG-c6d4-01"]),
        ("MIG-GPU-aa11/1/0", ["MIG-GPU-aa11/1/0"]),
    ],
)
def test_a_restricted_environment_is_read_as_cuda_reads_it(visible: str, expected: list[str]) -> None:
    """Numbers, UUIDs and parts, up to the first entry that is none."""
    assert named(visible) == expected


def test_a_gpu_that_is_split_is_used_by_its_parts() -> None:
    """Each part by its UUID, whole ones by theirs."""
    assert listed(LISTING) == ["MIG-c6d4-01", "MIG-c6d4-02", "GPU-bb33-44"]
    assert listed("No devices were found\n") == []


def test_every_gpu_has_its_workers() -> None:
    """One, or as many as asked for, in turn; without a GPU, one a core."""
    assert assigned(["a", "b"], None, 8) == ["a", "b"]
    assert assigned(["a", "b"], 2, 8) == ["a", "b", "a", "b"]
    assert assigned([], None, 3) == ["", "", ""]
    assert assigned([], 2, 8) == ["", ""]
    assert least_used(["a", "b"], ["a", "", "b", "a"]) == "b"
    assert least_used([], ["a"]) == ""


def test_only_studies_for_any_gpu_get_one_each(with_cuda: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the CPU, or a GPU by its number, workers see what is there."""
    assert workers_here(None) == listed(LISTING)
    assert workers_here(1, "cuda") == listed(LISTING)
    assert workers_here(2, "cpu") == workers_here(2, "cuda:1") == ["", ""]
    monkeypatch.setenv(VISIBLE, "7")
    assert workers_here(2) == ["7", "7"]
    monkeypatch.setattr(devices, "torch_has_cuda", lambda: False)
    assert gpus() == []


def test_whether_torch_has_cuda_is_read_in_its_version(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without importing it."""
    monkeypatch.setattr(
        devices, "find_spec", lambda name: SimpleNamespace(submodule_search_locations=[tmp_path])
    )
    for line, expected in (("'13.0'", True), ("None", False)):
        (tmp_path / "version.py").write_text(f"__all__ = ['cuda']\ncuda: Optional[str] = {line}\n")
        assert devices.torch_has_cuda.__wrapped__() is expected


def test_a_worker_sees_its_device_alone() -> None:
    """Each process of a pool has its own, also after one has died."""
    with local_pool(2, nothing, ["0", "MIG-1"]) as pool:
        for _ in range(2):
            calls = [pool.submit(os.getenv, VISIBLE) for _ in range(2)]
            assert {pool.next_done([call]).value for call in calls} == {"0", "MIG-1"}
            dying = pool.submit(os._exit, 3)
            assert pool.next_done([dying]).lost is not None


def test_calls_of_other_engines_see_one_gpu_each(with_cuda: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of those that the engine gives its worker, the one that fewest others use; Ray changes them."""
    monkeypatch.setenv(VISIBLE, "4,5")
    driver = node.Driver(this_machine(), nothing)

    def seen(pause: float) -> str | None:
        value, error = messages.read(
            node.run_call(messages.dumps((_seen, (pause,))), driver, ()).outcome or b""
        )
        assert error is None
        return str(value)

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(seen, [0.4, 0.4])) == ["4", "5"]
    monkeypatch.setenv(VISIBLE, "6")
    assert seen(0.0) == "6"


def _seen(pause: float) -> str:
    import time

    time.sleep(pause)
    return os.environ[VISIBLE]
