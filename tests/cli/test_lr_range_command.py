"""``sweeper lr-range`` from the study file to the figure."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pools import commands_use

from sweeper.cli import main
from sweeper.training.pool.interface import Pool

STUDY = """
name = "tiny"
[data]
source = "wine"
[model]
source = "mlp"
depth = 1
width = 4
[search.space]
optimizer = ["sgd", "adam"]
activation = "tanh"
learning_rate = { low = 1e-2, high = 1e2, log = true }
weight_decay = { low = 1e-6, high = 1e-2, log = true }
"""


@pytest.fixture(scope="module", autouse=True)
def _one_worker(one_worker: Pool) -> Iterator[None]:
    """The worker process of all tests here."""
    with commands_use(one_worker):
        yield


def ran(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str, str]:
    """Exit code and what was printed."""
    file = folder / "tiny.toml"
    file.write_text(STUDY, encoding="utf-8")
    with pytest.raises(SystemExit) as end:
        main(["lr-range", str(file), "--reports", str(folder / "reports"), "--jobs", "2", *options])
    out, err = capsys.readouterr()
    return int(end.value.code or 0), out, err


def test_lr_range_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON alone on stdout; suggestions lie below the boundary; the figure is there; the range loads."""
    code, out, _ = ran(tmp_path, capsys, "--json", "--rates", "12", "--steps", "15")
    found = json.loads(out)
    assert code == 0
    assert (found["study"], found["trainings"], found["rates"], found["steps"]) == ("tiny", 24, 12, 15)
    assert found["held"] == {"weight_decay": pytest.approx(1e-4)}
    assert [row["optimizer"] for row in found["combinations"]] == ["sgd", "adam"]
    for row in found["combinations"]:
        assert row["verdict"] == "found"
        assert 1e-3 <= row["low"] < row["suggestion"] <= row["boundary"] / 2
    assert Path(found["figure"]) == tmp_path / "reports" / "tiny" / "lr-range.png"
    assert Path(found["figure"]).read_bytes().startswith(b"\x89PNG")
    assert len(found["set"]) == 2
    for setting, name in zip(found["set"], ("sgd", "adam"), strict=True):
        key, _, value = setting.partition("=")
        given = tomllib.loads(f"value = {value}")["value"]
        assert key == f"search.space.learning_rate.{name}"
        assert (given["low"] < given["high"], given["log"]) == (True, True)
    from sweeper.study.study import Study

    space = Study.load(tmp_path / "tiny.toml", tuple(found["set"])).space
    assert space.entry("learning_rate", "adam") != space.entry("learning_rate", "sgd")


def test_lr_range_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A row per combination, how to read it, the ``--set`` and where the figure is."""
    code, out, _ = ran(
        tmp_path, capsys, "--rates", "8", "--steps", "5", "--set", 'search.space.optimizer=["sgd"]'
    )
    assert code == 0
    assert "8 trainings of 5 steps" in out
    assert "--set 'search.space.learning_rate.sgd={low = " in out
    assert "weight_decay = " in out
    assert f"figure: {tmp_path / 'reports' / 'tiny' / 'lr-range.png'}" in out


def test_a_wrong_study_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, one message, nothing written."""
    code, out, err = ran(tmp_path, capsys, "--set", "search.space.optimizer=adm")
    assert (code, out) == (2, "")
    assert "did you mean 'adam'?" in err
    assert not (tmp_path / "reports").exists()
