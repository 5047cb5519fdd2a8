"""What LLVM cannot tell, and what a full disk cannot keep, costs speed alone."""

import importlib.util
import os
import weakref
from pathlib import Path

import pytest
import torch

from sweeper.training.stacked.native import target
from sweeper.training.stacked.refusal import NotCompiled
from tests.helpers.native import compiled

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("llvmlite") is None, reason="machine code needs llvmlite"
)


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
    program = target.program(text, ["nothing"])
    target.callable_at(program.addresses["nothing"], 1)(0)
    assert os.listdir(tmp_path / "native") == []


def test_nothing_is_kept_in_a_folder_of_somebody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies there would be run, and its owner can put anything there."""
    own = os.getuid()
    target.program(NOTHING, ["nothing"])
    (kept,) = (tmp_path / "native").iterdir()
    kept.unlink()
    monkeypatch.setattr(target.os, "getuid", lambda: own + 1)
    target.program(NOTHING, ["nothing"])
    assert list((tmp_path / "native").iterdir()) == []


NOTHING = "define void @nothing(ptr %p) {\nentry:\n  ret void\n}\n"


def test_code_goes_with_its_program() -> None:
    """Sweeps over many shapes do not fill the memory; what many programs call is loaded once."""
    held = target.program(NOTHING, ["nothing"])
    engine = weakref.ref(held._engine)
    assert engine() is not None
    del held
    assert engine() is None
    first = target.compiled(NOTHING, ["nothing"])
    assert target.compiled(NOTHING, ["nothing"]) == first


@pytest.mark.parametrize("what", ["features", "llvm_version_info", "get_host_cpu_name"])
def test_code_of_another_machine_or_version_is_not_loaded(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A home that machines share: one file for each kind of processor, its features and each LLVM."""
    target.program(NOTHING, ["nothing"])
    known = target.llvm()
    name, older = known.get_host_cpu_name(), target.features().replace("+avx512f", "-avx512f") + ",-sha"
    if what == "features":
        monkeypatch.setattr(target, "features", lambda: older)
    elif what == "llvm_version_info":
        monkeypatch.setattr(known, what, (1, 0, 0))
    else:
        monkeypatch.setattr(known, what, lambda: {name: "x86-64"}.get(name, name))
    target.program(NOTHING, ["nothing"])
    assert len(os.listdir(tmp_path / "native")) == 2


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="Windows has no such permissions")
def test_code_that_others_may_write_is_not_run(tmp_path: Path) -> None:
    """A folder that is open to a group, or to all, is left alone."""
    for mode in (0o720, 0o702):
        (tmp_path / "native").mkdir(exist_ok=True)
        os.chmod(tmp_path / "native", mode)
        target.program(NOTHING, ["nothing"])
        assert os.listdir(tmp_path / "native") == []


def test_what_stands_in_the_way_stays_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder named like code, older than all; part of a file that a killed process has left goes."""
    monkeypatch.setattr(target, "MAX_FILES", 1)
    (tmp_path / "native" / "folder.o").mkdir(parents=True, mode=0o700)
    os.chmod(tmp_path / "native", 0o700)
    left = tmp_path / "native" / "tmpabc"
    left.write_text("part")
    for old in (left, left.parent / "folder.o"):
        os.utime(old, (1, 1))
    for name in ("one", "two"):
        target.program(NOTHING.replace("nothing", name), [name])
    assert not left.exists()
    assert len(os.listdir(left.parent)) == 2


@pytest.mark.parametrize("ends", [ImportError("none"), OSError("bad"), RuntimeError("bad"), SystemExit(3)])
def test_whatever_llvmlite_ends_with_is_a_reason(
    ends: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken installation names llvmlite, and ends nothing."""

    def broken(name: str) -> None:
        raise ends

    monkeypatch.setattr(target.importlib, "import_module", broken)
    target.llvm.cache_clear()
    try:
        with pytest.raises(NotCompiled, match="llvmlite cannot be used"):
            target.llvm()
    finally:
        target.llvm.cache_clear()
