"""No test waits without end, and one that hangs all the same is ended and named."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from import_graph import nodes_of

TESTS = Path(__file__).resolve().parents[1]
CLOCKS = ("monotonic", "perf_counter", "time", "sleep")
HANGS = """
import os, time
def test_that_hangs():
    while True:
        try:
            if os.fork() == 0:
                time.sleep(1000)
            time.sleep(1000)
        except BaseException:
            pass
"""


def complaint(call: ast.Call) -> str:
    """Why `call` may last for ever; empty if it may not."""
    if not isinstance(call.func, ast.Attribute):
        return ""
    owner, name = ast.unparse(call.func.value), call.func.attr
    limited = any(keyword.arg == "timeout" for keyword in call.keywords)
    if owner == "subprocess" and name in ("run", "call", "check_call", "check_output") and not limited:
        return "give it a timeout"
    waits = name in ("communicate", "wait", "join", "result", "acquire")
    if waits and not (call.args or limited):
        return "give it a timeout"
    if name == "setattr" and len(call.args) == 3:
        what, attribute = ast.unparse(call.args[0]), ast.unparse(call.args[1]).strip("'\"")
        if what.rpartition(".")[2] == "time" and attribute in CLOCKS:
            return "this stops the clock of all threads; replace `time` in one module"
    return ""


def complaints(text: str) -> list[str]:
    """Those about the calls in a module."""
    calls = [node for node in nodes_of(text) if isinstance(node, ast.Call)]
    return [f"{ast.unparse(call)}: {said}" for call in calls if (said := complaint(call))]


def test_every_wait_has_a_limit() -> None:
    """Of processes, threads and locks; and no test stops the clock that limits are measured by."""
    files = {file: complaints(file.read_text(encoding="utf-8")) for file in TESTS.rglob("*.py")}
    assert {file.relative_to(TESTS).as_posix(): said for file, said in files.items() if said} == {}


def test_a_wait_without_a_limit_is_seen() -> None:
    """Each kind is."""
    for text in (
        "subprocess.run(['x'])",
        "process.communicate()",
        "thread.join()",
        "future.result()",
        "monkeypatch.setattr(journey.time, 'monotonic', f)",
    ):
        assert len(complaints(text)) == 1
    assert complaints("subprocess.run(['x'], timeout=1); thread.join(5); ', '.join(['a'])") == []


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_a_test_that_hangs_is_ended_and_named(tmp_path: Path) -> None:
    """Though it catches what pytest-timeout raises, and though a fork of it keeps the connection open."""
    (tmp_path / "test_it.py").write_text(HANGS, encoding="utf-8")
    (tmp_path / "conftest.py").write_text(
        f"import sys\nsys.path.insert(0, {str(TESTS / 'helpers')!r})\n"
        "from hang_guard import pytest_runtest_protocol, pytest_sessionfinish\n",
        encoding="utf-8",
    )
    options = ["-n1", "--max-worker-restart=0", "--timeout=0.5", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        env={**os.environ, "SWEEPER_TEST_GRACE": "0.5"},
    )
    assert done.returncode != 0
    assert "test_that_hangs hangs: its process" in done.stderr + done.stdout
    assert "line 8 in test_that_hangs" in done.stderr + done.stdout
    assert "crashed while running" in done.stdout
