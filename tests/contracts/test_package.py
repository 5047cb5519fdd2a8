"""What is installed: the wheel and its contents, the version, the public names, what a shell completes."""

import re
import subprocess
import sys
import tomllib
import zipfile
from email.parser import HeaderParser
from importlib.util import find_spec
from pathlib import Path

import pytest
import trove_classifiers
from pages import ROOT

import sweeper
from sweeper.cli import app
from sweeper.version import DISTRIBUTION, __version__

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (built,) = folder.glob("*.whl")
    assert built.name == f"{DISTRIBUTION.replace('-', '_')}-{__version__}-py3-none-any.whl"
    return zipfile.ZipFile(built)


def test_the_wheel_holds_what_runs_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    """Every module, template and study is in it, the mark of types and the licence; no tests, no docs."""
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    kept = {
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "sweeper").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    studies = {f"sweeper/studies/{file.name}" for file in (ROOT / "studies").glob("*.toml")}
    assert names == kept | studies
    assert "sweeper/py.typed" in names
    about = {name.partition(".dist-info/")[2] for name in wheel.namelist() if ".dist-info/" in name}
    assert {"licenses/LICENSE", "entry_points.txt", "extra_metadata/constraints.txt"} <= about


def test_the_wheel_says_what_it_is(wheel: zipfile.ZipFile) -> None:
    """Name, version, licence, and classifiers that the index knows; no address, as it stands nowhere yet."""
    (file,) = (name for name in wheel.namelist() if name.endswith("METADATA"))
    about = HeaderParser().parsestr(wheel.read(file).decode())
    assert (about["Name"], about["Version"], about["License-Expression"]) == (
        DISTRIBUTION,
        __version__,
        "MIT",
    )
    assert set(about.get_all("Classifier") or ()) == set(PROJECT["classifiers"])
    assert set(PROJECT["classifiers"]) <= set(trove_classifiers.classifiers)
    assert about.get_all("Project-URL") is None
    assert "urls" not in PROJECT


def test_the_version_stands_in_one_place() -> None:
    """No other file repeats it but the list of changes, whose first entry it is."""
    assert "version" in PROJECT["dynamic"]
    assert sweeper.__version__ == __version__
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\d\S*)", changes, re.MULTILINE)[0] == __version__
    files = [*(ROOT / "sweeper").rglob("*.py"), ROOT / "pyproject.toml", ROOT / "CITATION.cff"]
    repeated = [file.name for file in files if f'"{__version__}"' in file.read_text(encoding="utf-8")]
    assert repeated == ["version.py"]


def test_the_public_names() -> None:
    """They change on purpose alone; each leads somewhere, and no other name does."""
    assert set(sweeper.__all__) == {
        *("Answer", "Options", "Result", "Study", "TrialResult"),
        *("advise", "compare", "load_result", "lr_range", "run", "transfer"),
        *(
            "DataError",
            "ModelError",
            "RunFailed",
            "RunFolderError",
            "StudyError",
            "SweeperError",
            "UserError",
        ),
        "__version__",
    }
    for name in sweeper.__all__:
        assert getattr(sweeper, name) is not None
    assert dir(sweeper) == sorted(sweeper.__all__)
    with pytest.raises(AttributeError, match=r"^module 'sweeper' has no attribute 'nothing'$"):
        sweeper.nothing  # type: ignore[attr-defined]  # noqa: B018


def test_a_shell_completes_commands_studies_and_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Commands; built-in studies and study files; names of runs in the folder that ``--runs`` names."""
    (tmp_path / "mine.toml").touch()
    for runs, name in (("runs", "first"), ("elsewhere", "second")):
        (tmp_path / runs / name).mkdir(parents=True)
        (tmp_path / runs / name / "study.toml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("_SWEEPER_COMPLETE", "complete_bash")

    def completed(words: str) -> list[str]:
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
        with pytest.raises(SystemExit):
            app(prog_name="sweeper")
        return capsys.readouterr().out.split()

    assert completed("sweeper lr") == ["lr-range"]
    assert completed("sweeper run di") == ["digits"]
    assert completed("sweeper run mi") == ["mine.toml"]
    assert completed("sweeper best ") == ["first"]
    assert completed("sweeper best --runs elsewhere ") == ["second"]


def test_completing_waits_for_nothing_heavy() -> None:
    """A Tab key answers in the time in which Python and typer start: what is slow to import is not needed."""
    code = "import sys; from sweeper.commands.options import complete_study; complete_study('di'); "
    code += "sys.exit(any(name in sys.modules for name in ('torch', 'pandas', 'pydantic', 'numpy')))"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode == 0


def test_the_script_that_make_check_reads_is_read() -> None:
    """`tests/typing` is among the files of mypy, and stays a script that no test imports."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
    assert "tests/typing" in settings["files"]
    (strict,) = (each for each in settings["overrides"] if each["module"] == "user_script")
    assert strict["warn_unused_ignores"] is True
    assert find_spec("user_script") is None
