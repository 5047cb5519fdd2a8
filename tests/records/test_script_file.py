"""The kept script of a winner: what it is for, and what is not taken for one."""

import subprocess
import sys
from pathlib import Path

import pytest

from sweeper.records.script_file import MARK, keep_script, load_script

PARAMETERS = {"optimizer": "adam", "betas": (0.9, 0.99), "learning_rate": 0.1}


def test_a_script_is_for_one_trial_and_its_parameters(tmp_path: Path) -> None:
    """What is read back is for the winner that it was kept for, pairs included, and for no other."""
    keep_script(tmp_path, 3, PARAMETERS, "print(1)\n")
    kept = load_script(tmp_path)
    assert kept is not None
    assert kept.text.endswith("\nprint(1)\n")
    assert kept.reason == ""
    assert kept.is_for(3, PARAMETERS)
    assert not kept.is_for(4, PARAMETERS)
    assert not kept.is_for(3, {**PARAMETERS, "learning_rate": 0.2})


def test_a_reason_is_kept_as_a_program_that_says_it(tmp_path: Path) -> None:
    """Where there is no script, the file ends at once with the reason, whatever it contains."""
    reason = "model.source is a lambda \"'\\\n# no"
    keep_script(tmp_path, 3, PARAMETERS, "", reason)
    kept = load_script(tmp_path)
    assert kept is not None
    assert kept.reason == reason
    command = [sys.executable, tmp_path / "best.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert done.stderr == f"no script can be written for this run: {reason}\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "print(1)\n",
        f"{MARK}\nprint(1)",
        f"{MARK}[]\n",
        f'{MARK}{{"trial": 3}}\n',
        f'{MARK}{{"trial": 3, "parameters": 5}}\n',
        f"{MARK}{'[' * 100_000}\n",
        '{"trial": 3, "parameters": {}}\n',
        f'{MARK}{{"trial": 3, "parameters": {{}}}}\nprint("\x1b[2J")\n',
        f'{MARK}{{"trial": 3, "parameters": {{}}}}\n# \u202e hidden\n',
    ],
)
def test_what_is_no_kept_script(text: str, tmp_path: Path) -> None:
    """Another file, a damaged note, and text that hides something from its reader are not handed on."""
    (tmp_path / "best.py").write_text(text, encoding="utf-8")
    assert load_script(tmp_path) is None


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    """A file in another encoding is not handed on, and none is none."""
    assert load_script(tmp_path) is None
    (tmp_path / "best.py").write_bytes(MARK.encode() + b'{"trial": 3, "parameters": {}}\n\xff')
    assert load_script(tmp_path) is None
