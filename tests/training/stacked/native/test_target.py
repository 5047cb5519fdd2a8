"""What LLVM cannot tell, and what a full disk cannot keep, costs speed alone."""

import importlib.util
import os
from pathlib import Path

import pytest
import torch

from sweeper.data import disk
from sweeper.training.stacked.native import target
from sweeper.training.stacked.refusal import NotCompiled
from tests.helpers.native import compiled

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("llvmlite") is None, reason="machine code needs llvmlite"
)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(disk.PLACE, str(tmp_path))


def test_a_processor_that_llvm_does_not_know_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """What LLVM cannot tell of this machine leaves the step to the recorded operations."""

    def unknown() -> None:
        raise RuntimeError("failed to get host cpu features.")

    known = (target.features, target.register_bytes, target.registers, target.is_x86)
    monkeypatch.setattr(target.llvm(), "get_host_cpu_features", unknown)
    for each in known:
        each.cache_clear()
    try:
        with pytest.raises(NotCompiled):
            compiled(lambda x: [x.exp()], torch.ones(3, 4))
    finally:
        for each in known:
            each.cache_clear()


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code that cannot be kept whole is not kept in part."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(target.os, "replace", full)
    text = "define void @nothing(ptr %p) {\nentry:\n  ret void\n}\n"
    target.callable_at(target.compiled(text, ["nothing"])["nothing"], 1)(0)
    assert os.listdir(tmp_path / "native") == []
