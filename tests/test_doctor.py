"""What `sweeper doctor` finds, and that it finds it when things are broken."""

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from sweeper import doctor
from sweeper.doctor import apart, compute, finding, fixes, machine
from sweeper.doctor.finding import Finding


def test_this_machine_computes_and_starts_workers() -> None:
    """On a machine that runs these tests everything but its own installation must be found well."""
    findings = {found.name: found for found in doctor.diagnose()}
    assert {"python", "torch", "cpu", "workers", "runs", "disk", "cores", "compiler"} <= set(findings)
    assert [f for name, f in findings.items() if not f.ok and name != "packages"] == []
    assert findings["torch"].found.startswith("2.")


@pytest.mark.parametrize(
    ("version", "bits", "ok"),
    [((3, 11, 0), 64, True), ((3, 14, 2), 64, True), ((3, 10, 13), 64, False), ((3, 12, 1), 32, False)],
)
def test_python_versions(version: tuple[int, ...], bits: int, ok: bool) -> None:
    """Old and 32-bit interpreters are wrong, with a fix; the others need none."""
    found = machine.check_python(version, bits)
    assert found.ok is ok
    assert bool(found.fix) is not ok


def test_packages_outside_their_range_and_missing_ones_are_named() -> None:
    """Each package that does not fit is named with its version and its range; extras do not count."""
    found = machine.check_packages(
        [
            "numpy<1",
            "no-such-package>=2,<3",
            "pytest>=1",
            'neither-this; extra == "dev"',
            'nor-this; python_version < "3"',
        ]
    )
    assert not found.ok
    assert found.found == (
        f"numpy is {machine.installed('numpy')} (<1 is needed); no-such-package is missing (<3,>=2 is needed)"
    )
    assert "constraints.txt" in found.fix


def test_packages_that_fit_are_counted() -> None:
    """Ranges that fit give no fix."""
    assert machine.check_packages(["numpy>=1", "pytest"]) == Finding(
        "packages", True, "all 2 that are needed, in versions that fit"
    )


def test_untested_versions_are_told_but_allowed() -> None:
    """A version that differs from its pin is named with both; what is not installed does not matter."""
    numpy = machine.installed("numpy")
    pins = f"# comment\n\nnumpy==1.0\npytest=={machine.installed('pytest')}\nno-such-package==1.0\n"
    found = machine.check_tested(pins)
    assert found.ok
    assert found.found == f"1 as tested; not numpy {numpy} (tested: 1.0)"
    assert found.fix


def test_a_local_suffix_is_the_tested_version() -> None:
    """torch 2.13.0+cpu counts as 2.13.0."""
    version = (machine.installed("torch") or "").partition("+")[0]
    assert machine.check_tested(f"torch=={version}").fix == ""


def test_every_line_of_constraints_is_one_exact_pin() -> None:
    """constraints.txt pins each package once, exactly, and torch at the version that the project promises."""
    from packaging.requirements import Requirement

    lines = [line for line in machine.read_constraints().splitlines() if line and not line.startswith("#")]
    pins = {Requirement(line).name.lower(): str(Requirement(line).specifier) for line in lines}
    assert len(pins) == len(lines) > 50
    assert all(pin.startswith("==") and "," not in pin and "*" not in pin for pin in pins.values())
    assert pins["torch"] == "==2.13.0"


def test_torch_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without torch there is one finding that says so and how to install it."""
    monkeypatch.setitem(sys.modules, "torch", None)
    assert compute.check_torch() == [
        Finding("torch", False, "torch is not installed", fixes.fix("torch_missing"))
    ]


def test_torch_broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever importing torch raises is the finding, on one line."""
    (tmp_path / "torch.py").write_text(
        "raise OSError('[WinError 126]\\n c10.dll is missing')\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    expected = "importing torch: OSError: [WinError 126] c10.dll is missing"
    assert compute.check_torch() == [Finding("torch", False, expected, fixes.fix("torch_broken"))]


def test_a_torch_that_kills_its_process_is_a_finding() -> None:
    """A crash while torch loads must not take the doctor along; the signal or code is told."""
    (found,) = apart.check_torch_apart(["-c", "import os; os.abort()"])
    assert not found.ok
    assert ("SIGABRT" if os.name == "posix" else "ended with code") in found.found


def test_a_check_that_hangs_is_a_finding() -> None:
    """No answer in time is an answer."""
    (found,) = apart.check_workers("import time; time.sleep(60)", seconds=0.5)
    assert found == Finding("workers", False, "no answer within 0.5 s", fixes.fix("workers"))


def test_workers_that_are_no_processes_are_wrong() -> None:
    """When joblib falls back to computing in its own process, that is told."""
    (found,) = apart.check_workers("print('noise')\nprint('[false, 0.1, 2]')")
    assert not found.ok
    assert "no worker starts" in found.found


def test_the_complaint_of_a_failed_process_is_told() -> None:
    """The last line of standard error comes with the code."""
    (found,) = apart.check_workers("import sys; print('first', file=sys.stderr); sys.exit('no semaphores')")
    assert found.found == "the process ended with code 1: no semaphores"


def test_a_device_that_computes_wrongly_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """A result that differs from numpy's, or is not a number, must not pass."""
    import torch

    assert compute.check_device(torch, "cpu").ok
    for broken in (lambda x: x * 1.01, lambda x: x * float("nan")):
        monkeypatch.setattr(torch.Tensor, "square", lambda x, broken=broken: broken(x * x))
        found = compute.check_device(torch, "cpu")
        assert not found.ok
        assert found.fix == fixes.fix("cpu")


def test_a_wrong_gradient_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """A right value with a wrong gradient must not pass either."""
    import torch

    monkeypatch.setattr(torch.Tensor, "square", lambda x: x * x.detach())
    assert not compute.check_device(torch, "cpu").ok


def test_a_device_that_raises_is_wrong() -> None:
    """The text of the exception is the finding."""
    import torch

    found = compute.check_device(torch, "no-such-device")
    assert not found.ok
    assert "RuntimeError" in found.found


@pytest.mark.parametrize(
    ("cuda", "reached", "driver", "ok", "hint"),
    [
        ("13.0", True, True, True, ""),
        ("13.0", False, True, False, "cuda_unreachable"),
        ("13.0", False, False, True, ""),
        (None, False, True, True, "cuda_unused"),
        (None, False, False, True, ""),
    ],
)
def test_builds_of_torch(
    monkeypatch: pytest.MonkeyPatch, cuda: str | None, reached: bool, driver: bool, ok: bool, hint: str
) -> None:
    """Only a CUDA build that cannot reach the GPU that is there is wrong."""
    fake = SimpleNamespace(
        __version__="9.9",
        version=SimpleNamespace(cuda=cuda),
        cuda=SimpleNamespace(is_available=lambda: reached),
        backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: False)),
    )
    monkeypatch.setattr(compute.shutil, "which", lambda name: "nvidia-smi" if driver else None)
    found = compute._build(fake)  # type: ignore[arg-type]
    assert (found.ok, found.fix) == (ok, fixes.fix(hint) if hint else "")
    assert "9.9" in found.found


def test_runs_folder_is_looked_at_but_not_made(tmp_path: Path) -> None:
    """A folder that is not there yet is judged by the one above it, and nothing stays behind."""
    assert machine.check_runs(tmp_path / "a" / "b").ok
    assert list(tmp_path.iterdir()) == []


def test_runs_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    """A file in the way, of which not even root makes a folder, is wrong."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    found = machine.check_runs(tmp_path / "file" / "runs")
    assert not found.ok
    assert "cannot be written to" in found.found


def test_long_paths_matter_where_they_are_not_allowed(tmp_path: Path) -> None:
    """A deep folder is wrong on a Windows without long paths, and right elsewhere."""
    deep = tmp_path / ("x" * 200)
    assert machine.check_runs(deep, long_paths=True).ok
    found = machine.check_runs(deep, long_paths=False)
    assert not found.ok
    assert "LongPathsEnabled" in found.fix


def test_a_full_disk_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less room than a few runs take is wrong, with the way out."""
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda folder: SimpleNamespace(free=1e6))
    found = machine.check_disk(Path("runs"))
    assert (found.ok, found.found, found.fix) == (False, "0.0 GB free", fixes.fix("disk"))


def test_thread_settings_are_shown_and_nonsense_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """OMP_NUM_THREADS must be a positive number."""
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert machine.check_cores().ok
    assert "OMP_NUM_THREADS=4" in machine.check_cores().found
    monkeypatch.setenv("OMP_NUM_THREADS", "auto")
    assert not machine.check_cores().ok


def test_a_check_that_raises_is_a_finding() -> None:
    """A broken check must not stop the others."""

    def broken() -> Finding:
        raise ZeroDivisionError("no luck")

    (found,) = doctor.examine("luck", broken)
    assert (found.name, found.ok) == ("luck", False)
    assert found.found == "cannot be checked: ZeroDivisionError: no luck"


@pytest.mark.parametrize("system", ["Linux", "Darwin", "Windows", "FreeBSD"])
@pytest.mark.parametrize("problem", sorted(set(fixes.FIXES) - {"long_paths"}))
def test_every_problem_has_a_fix_on_every_platform(problem: str, system: str) -> None:
    """There is no platform on which a user is left without a next step."""
    assert fixes.fix(problem, system).strip()


def test_windows_users_get_what_windows_needs() -> None:
    """The Windows texts name the launcher, the execution policy and the C++ runtime."""
    assert "py -m venv .venv" in fixes.fix("environment", "Windows")
    assert "Set-ExecutionPolicy -Scope CurrentUser RemoteSigned" in fixes.fix("environment", "Windows")
    assert "VCRedist" in fixes.fix("torch_broken", "Windows")


def test_shown_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON carries every field, and the verdict."""
    findings = [Finding("a", True, "fine"), Finding("b", False, "ill", "rest")]
    finding.show(findings, as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "ok": False,
        "findings": [
            {"name": "a", "ok": True, "found": "fine", "fix": ""},
            {"name": "b", "ok": False, "found": "ill", "fix": "rest"},
        ],
    }


def test_shown_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Commands stay on one line each, under what they mend."""
    finding.show([Finding("a", True, "fine"), Finding("b", False, "ill", "first do this\nthen that")])
    assert capsys.readouterr().out.splitlines() == [
        "ok     a                fine",
        "WRONG  b                ill",
        "                        fix: first do this",
        "                             then that",
        "1 of 2 need fixing; each has its fix below",
    ]
