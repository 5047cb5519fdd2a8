"""Folders can be given as text or as paths, wherever Python takes one."""

import pickle
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from sweeper.commands.lr_range.journey import RangeTest
from sweeper.commands.options import complete_study
from sweeper.commands.transfer.journey import Transfer
from sweeper.options import Options
from sweeper.study.study import Study


def test_folders_of_options_are_paths_however_they_are_given() -> None:
    """Text is the path that it names; without, they are ``runs`` and ``reports``."""
    given = Options(runs="a/b", reports="c")
    assert given == Options(Path("a/b"), Path("c"))
    assert (given.runs / "x", given.reports / "x") == (Path("a/b/x"), Path("c/x"))
    assert (Options().runs, Options().reports) == (Path("runs"), Path("reports"))
    assert pickle.loads(pickle.dumps(replace(given, reports="d"))).reports == Path("d")
    assert "runs=" in repr(given)


def test_a_study_and_what_saves_figures_take_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its modules are looked up in the folder; figures go there."""
    assert Study(name="m", folder=str(tmp_path)).folder == tmp_path
    saved: list[object] = []
    for kind in ("lr_range", "transfer"):
        monkeypatch.setattr(
            f"sweeper.commands.{kind}.journey.save_figure", lambda *given: saved.append(given[0])
        )
    monkeypatch.setattr("sweeper.commands.transfer.journey.write_page", lambda *given: saved.append(given[0]))
    nothing = pd.DataFrame()
    RangeTest.save(_Bare(measured=nothing), str(tmp_path))  # type: ignore[arg-type]
    Transfer.save(_Bare(measured=nothing, found=_Bare(penalty=None), conditions=None), str(tmp_path))  # type: ignore[arg-type]
    assert saved == [tmp_path] * 3


class _Bare:
    """What `save` needs of itself."""

    def __init__(self, **given: object) -> None:
        vars(self).update(given)


def test_files_of_a_folder_are_completed_as_it_is_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the way to it is written like."""
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "a.toml").write_text("", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for typed in ("studies/", "studies/a", "./studies/", "./studies/a", f"{tmp_path.as_posix()}/studies/"):
        assert complete_study(typed) == [f"{typed[: typed.rfind('/') + 1]}a.toml"]
