"""Bad input to ``sweeper run``: one clear message on stderr, exit code 2, no traceback, nothing written."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pools import commands_use

from sweeper.cli import main
from sweeper.training.pool.interface import Pool

MODELS = """
import sys
from torch import nn
def good(in_features, out_features): return nn.Linear(in_features, out_features)
def narrow(in_features): return nn.Linear(in_features, 1)
def exits(in_features): sys.exit(0)
def wants(in_features, hidden): ...
"""
ROWS = "a,b,kind\n" + "".join(f"{k},{k % 3},{'xyz'[k % 3]}\n" for k in range(30))


@pytest.fixture(scope="module", autouse=True)
def _one_worker(one_worker: Pool) -> Iterator[None]:
    """The worker process of all tests here."""
    with commands_use(one_worker):
        yield


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with models and data."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad_models.py").write_text(MODELS, encoding="utf-8")
    (tmp_path / "data.csv").write_text(ROWS, encoding="utf-8")
    return tmp_path


def refused(folder: Path, study: str, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """What `sweeper run` says of a study; it ends with exit code 2 and leaves the folder as it was."""
    file = folder / "study.toml"
    file.write_text(f'name = "bad"\n{study}', encoding="utf-8")
    before = sorted(path.name for path in folder.iterdir())
    with pytest.raises(SystemExit) as end:
        main(["run", str(file), *options])
    out, err = capsys.readouterr()
    after = sorted(path.name for path in folder.iterdir() if path.name != "__pycache__")
    assert (end.value.code, out, after) == (2, "", before)
    assert "Traceback" not in err
    assert err.startswith("error: ")
    return err.removeprefix("error: ").replace(f"{folder}/", "").strip()


TABLE = '[data]\nsource = "data.csv"\ntarget = "kind"\n'


@pytest.mark.parametrize(
    ("study", "message"),
    [
        (
            '[training]\nepochs = "many"\n[search.space]\noptimizer = "adm"',
            "study.toml: 2 mistakes\n"
            "  training.epochs = 'many': must be a number\n"
            "  search.space.optimizer = 'adm': did you mean 'adam'? allowed: ",
        ),
        ("name = ", "study.toml: not a valid TOML file: "),
        (
            '[data]\nsource = "nope.csv"',
            "study.toml: 1 mistake\n  data.source = 'nope.csv': no such file nope.csv",
        ),
        (
            '[data]\nsource = "data.csv"\ntarget = "knd"',
            "study.toml: 1 mistake\n  data.target = 'knd': no such column; did you mean 'kind'? columns: "
            "a, b, kind",
        ),
        (
            f'{TABLE}[training]\nloss = "mse"',
            "data.csv: 'kind' holds words (x, y, z), but training.loss needs numbers",
        ),
        ('model = "bad_models:wants"', "study.toml: 1 mistake\n  model.hidden: missing; wants asks for it"),
        (
            'model = "bad_models:god"',
            "study.toml: 1 mistake\n  model.source = 'bad_models:god': module 'bad_models' has no 'god'; "
            "did you mean "
            "'good'?",
        ),
        (
            'model = "nowhere:net"',
            "study.toml: 1 mistake\n  model.source = 'nowhere:net': no module 'nowhere' in ",
        ),
    ],
)
def test_mistakes_are_told_and_nothing_is_written(
    study: str, message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the file, in names, in the data."""
    assert refused(folder, study, capsys).startswith(message)


def test_faults_in_a_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """File, line, column and value are named."""
    (folder / "data.csv").write_text(ROWS + '"multi\nline",1,x\n', encoding="utf-8")
    assert refused(folder, TABLE, capsys).startswith(
        "data.csv: line 32, column 'a': 'multi\\nline' is not a number"
    )


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            "narrow",
            "model 'bad_models:narrow' puts out (4, 1) for 4 rows; loss cross_entropy on 3 classes needs "
            "(4, 3)",
        ),
        ("exits", "model 'exits' could not be made with in_features=2: it ended the program (exit code 0)"),
    ],
)
def test_models_that_do_not_fit(
    model: str, message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are tried in a worker before anything is written."""
    assert refused(folder, f'{TABLE}[model]\nsource = "bad_models:{model}"', capsys).startswith(message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--set", "search.trials"],
            "--set 'search.trials': must be key=value, for example --set search.trials=40",
        ),
        (
            ["--set", "search.trials=x"],
            "study.toml: 1 mistake\n  search.trials = 'x': must be a whole number",
        ),
        (["--engine", "fast"], "--engine 'fast': "),
        *(
            (["--backend", name], f"--backend {name!r}: there is no such option; did you mean --pool?")
            for name in ("loky", "dask", "ray")
        ),
    ],
)
def test_options(options: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong options are as harmless."""
    assert refused(folder, "", capsys, *options).startswith(message)


def test_a_study_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a file nor a built-in name."""
    with pytest.raises(SystemExit) as end:
        main(["run", "digts", "--runs", str(tmp_path / "runs")])
    assert end.value.code == 2
    assert "did you mean 'digits'?" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_init_says_where_and_how(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`sweeper init` names the file that it wrote, quoted for the shell; a second time it refuses."""
    with pytest.raises(SystemExit) as end:
        main(["init", "my study"])
    assert (end.value.code, capsys.readouterr().out) == (
        0,
        "wrote my study.toml; run it with: sweeper run 'my study.toml'\n",
    )
    with pytest.raises(SystemExit) as end:
        main(["init", "my study.toml"])
    assert (end.value.code, capsys.readouterr().err) == (
        2,
        "error: my study.toml is there already; give another name, or remove it first\n",
    )


@pytest.mark.parametrize("name", ["x" * 300, "bad_models.py", "undecodable \udcff"])
def test_paths_that_cannot_be_used(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One message, whichever command they are given to."""
    for arguments in (["export", "no", name], ["status", "no", "--runs", name], ["init", f"{name}/a.toml"]):
        with pytest.raises(SystemExit) as end:
            main(arguments)
        told = capsys.readouterr()
        assert (end.value.code, told.out, told.err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize(
    ("option", "used"), [("nosuch://me:pass-of-option@option/db", "option"), (None, "variable")]
)
def test_the_option_wins_over_the_variable(
    option: str | None,
    used: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`--storage` before `SWEEPER_STORAGE`; neither password is shown, whichever is used."""
    monkeypatch.setenv("SWEEPER_STORAGE", "nosuch://me:pass-of-variable@variable/db")
    told = refused(folder, "", capsys, *(["--storage", option] if option else []))
    assert told.startswith(f"--storage 'nosuch://me:***@{used}/db': cannot be opened")
    assert "pass-of" not in told
