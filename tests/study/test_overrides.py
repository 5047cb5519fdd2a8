"""``--set key=value`` reaches every key of a study file."""

import shlex
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sweeper.errors import UserError
from sweeper.study.command_line import run_again
from sweeper.study.override import apply, dotted
from sweeper.study.space import Choice, Fixed, Range
from sweeper.study.study import Study

FILE = """
name = "base"
[data]
source = "two_spirals"
rows = 200
[model]
depth = 3
[training]
epochs = 5
[search.space]
optimizer = ["sgd", "adam"]
activation = ["relu", "tanh"]
learning_rate = { low = 1e-3, high = 1.0, log = true }
"learning_rate.adam" = { low = 1e-4, high = 1e-1, log = true }
weight_decay = 0.1
model.width = [8, 16]
"training.batch_size" = [16, 32]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A study file to override."""
    path = tmp_path / "base.toml"
    path.write_text(FILE, encoding="utf-8")
    return path


def reached(study: Study, path: str) -> Any:
    """The value at a dotted path of a study; keys of the space after ``space:``."""
    if path.startswith("space:"):
        return study.space.entries.get(path.removeprefix("space:"))
    found: Any = study
    for name in path.split("."):
        found = getattr(found, name) if hasattr(found, name) else found.options[name]
    return found


@pytest.mark.parametrize(
    ("assignment", "path", "value"),
    [
        ("name=other", "name", "other"),
        ('name="quoted"', "name", "quoted"),
        ("question = why = what?", "question", "why = what?"),
        ("search.trials=40", "search.trials", 40),
        ("search.minutes=1e-1", "search.minutes", 0.1),
        ("data.standardize=false", "data.standardize", False),
        ("data.split=[0.5, 0.25, 0.25]", "data.split", (0.5, 0.25, 0.25)),
        ("data.rows=300", "data.rows", 300),
        ("training.batch_size=full", "training.batch_size", "full"),
        ("model.depth=7", "model.depth", 7),
        ("confirm={seeds=2}", "confirm.seeds", 2),
        ("search.space.optimizer=sgd", "space:optimizer", Fixed("sgd")),
        ("search.space.activation=['elu', 'gelu']", "space:activation", Choice(("elu", "gelu"))),
        ("search.space.learning_rate=0.1", "space:learning_rate", Fixed(0.1)),
        ("search.space.learning_rate.low=0.01", "space:learning_rate", Range(0.01, 1.0, log=True)),
        ("search.space.learning_rate.adam=0.1", "space:learning_rate.adam", Fixed(0.1)),
        ('search.space."learning_rate.adam"=0.1', "space:learning_rate.adam", Fixed(0.1)),
        (
            "search.space.learning_rate.adam.high=0.2",
            "space:learning_rate.adam",
            Range(1e-4, 0.2, log=True),
        ),
        (
            "search.space.learning_rate={low=1, high=2}",
            "space:learning_rate",
            Range(1, 2),
        ),
        ("search.space.model.width=[4, 5]", "space:model.width", Choice((4, 5))),
        ("search.space.model.width={low=4, high=9}", "space:model.width", Range(4, 9, integer=True)),
        ("search.space.training.batch_size=8", "space:training.batch_size", Fixed(8)),
    ],
)
def test_any_key_can_be_set(assignment: str, path: str, value: Any, file: Path) -> None:
    """Values are TOML, bare words are strings, dotted keys reach into ranges and into the space."""
    assert reached(Study.load(file, (assignment,)), path) == value


def test_several_build_a_range(file: Path) -> None:
    """A fixed value becomes a range by its parts; the default range has parts too."""
    study = Study.load(file, ("search.space.weight_decay.low=0.0", "search.space.weight_decay.high=0.5"))
    assert study.space.entries["weight_decay"] == Range(0.0, 0.5)
    file.write_text('name = "least"', encoding="utf-8")
    study = Study.load(file, ("search.space.learning_rate.high=10",))
    assert study.space.entries["learning_rate"] == Range(1e-5, 10, log=True)
    study = Study.load(file, ("search.space.optimizer=sgd", "search.space.learning_rate.low=1e-4"))
    assert study.space.entries["learning_rate"] == Range(1e-4, 10.0, log=True)
    several = "search.space.optimizer=['sgd', 'adam']"
    study = Study.load(file, (several, "search.space.learning_rate.adam.high=1.0"))
    assert study.space.entry("learning_rate", "adam")[1] == Range(1e-5, 1.0, log=True)
    assert study.space.entry("learning_rate", "sgd")[1] == Range(1e-3, 10.0, log=True)


def test_the_short_form_keeps_the_section(file: Path) -> None:
    """`--set data=wine` changes the source alone: what does not fit it any more is reported."""
    assert Study.load(file, ("model=residual_mlp",)).model.options == {"depth": 3}
    with pytest.raises(UserError, match=r"data\.rows = 200: no argument of wine"):
        Study.load(file, ("data=wine",))


@pytest.mark.parametrize(
    ("assignment", "gone"),
    [
        ("model.width=32", "model.width"),
        ("training.batch_size=64", "training.batch_size"),
    ],
)
def test_what_is_set_for_all_is_not_searched(assignment: str, gone: str, file: Path) -> None:
    """A [model] or [training] key on the command line is meant, though the study searches it."""
    assert gone in Study.load(file).space.entries
    assert gone not in Study.load(file, (assignment,)).space.entries


def test_of_epochs_and_steps_the_last_is_meant(file: Path) -> None:
    """Setting one takes the other away, also where it is searched."""
    study = Study.load(file, ("training.epochs=3", "training.steps=50"))
    assert (study.training.epochs, study.training.steps) == (None, 50)
    file.write_text(FILE + '"training.epochs" = [1, 2]\n', encoding="utf-8")
    assert "training.epochs" not in Study.load(file, ("training.steps=50",)).space.entries


def test_keys_of_an_optimizer_go_with_it(file: Path) -> None:
    """Fewer optimizers are no reason to edit their ranges out by hand; given by hand they are mistakes."""
    assert "learning_rate.adam" not in Study.load(file, ("search.space.optimizer=sgd",)).space.entries
    with pytest.raises(UserError, match=r"adam is not among search\.space\.optimizer \(sgd\)"):
        Study.load(file, ("search.space.optimizer=sgd", "search.space.learning_rate.adam=1"))


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("search.trials", "must be key=value, for example --set search.trials=40"),
        ("=3", "must be key=value, for example --set search.trials=40"),
        ("a..b=3", "must be key=value, for example --set search.trials=40"),
        ("search.=3", "must be key=value, for example --set search.trials=40"),
        ("name.first=3", "name is a value, not a section"),
        ("search.space.optimizer=[sgd]", "[sgd] is no TOML value; words in lists need quotes"),
        ("question='open", "'open is no TOML value; words in lists need quotes"),
    ],
)
def test_what_is_no_assignment(assignment: str, message: str, file: Path) -> None:
    """The message quotes the assignment."""
    with pytest.raises(UserError) as caught:
        Study.load(file, (assignment,))
    assert str(caught.value) == f"--set {assignment!r}: {message}"


def test_a_wrong_value_is_reported_like_one_in_the_file(file: Path) -> None:
    """Overrides pass the same checks, all at once."""
    with pytest.raises(UserError) as caught:
        Study.load(file, ("search.trials=many", "training.foo=1", "search.space.activation=rellu"))
    assert [line.split(":")[0] for line in str(caught.value).splitlines()[1:]] == [
        "  training.foo = 1",
        "  search.trials = 'many'",
        "  search.space.activation = 'rellu'",
    ]


@pytest.mark.parametrize("text", ['search = "x"', '[search]\nspace = "x"', 'training = "x"'])
def test_overrides_of_a_broken_file_do_not_crash(text: str, file: Path) -> None:
    """Where a section is no section, the message says so."""
    file.write_text(f'name = "x"\n{text}', encoding="utf-8")
    for assignment in ("search.space.optimizer=sgd", "training.epochs=3", "model.depth=3"):
        with pytest.raises(UserError, match=r"must be a section|is a value, not a section"):
            Study.load(file, (assignment,))


EXPECTING = """
[expect]
finding = "f."
source = "s"
check = "better"
parameter = "activation"
value = "relu"
than = "tanh"
"""


@pytest.mark.parametrize(
    ("overrides", "stays"),
    [
        ((), True),
        (("search.trials=9",), True),
        (("training.epochs=1",), True),
        (("search.space.activation=['tanh', 'gelu', 'relu']",), True),
        (("search.space.activation=['relu', 'gelu']",), False),
        (("search.space.activation=relu",), False),
        (("data={source='digits'}",), False),
        (("model=residual_mlp",), False),
        (("search.space={}",), False),
        (("search.space.activation=['relu', 'gelu']", "expect.than=gelu"), True),
    ],
)
def test_an_expectation_goes_with_what_it_is_about(
    file: Path, overrides: tuple[str, ...], stays: bool
) -> None:
    """Other data, another model, or a compared value overridden away: nothing is expected any more."""
    file.write_text(FILE + EXPECTING, encoding="utf-8")
    assert (Study.load(file, overrides).expect.check == "better") == stays


def test_printed_lists_are_toml_as_people_write_it(tmp_path: Path) -> None:
    """``["gelu", "relu"]`` with neither a last comma nor spaces inside the brackets."""
    file = tmp_path / "mine.toml"
    file.write_text('name = "mine"\n[search.space]\nactivation = ["tanh"]\n', encoding="utf-8")
    study = Study.load(file, ('search.space.activation=["gelu", "relu"]', "data.split=[0.5, 0.25, 0.25]"))
    command = run_again(study)
    assert '["gelu", "relu"]' in command
    assert "[0.5, 0.25, 0.25]" in command


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("search.space.learning_rate.high=2.0", "{low = 1e-5, high = 2.0, log = true}"),
        (
            "search.space.learning_rate={low = 1e-3, high = 0.1, log = true}",
            "{low = 1e-3, high = 0.1, log = true}",
        ),
        ("search.trials=5", "{low = 1e-5, high = 0.5, log = true}"),
    ],
)
def test_a_printed_command_sets_a_range_once(tmp_path: Path, setting: str, expected: str) -> None:
    """What a run had searched and what is set on top are one range, that of the study it makes."""
    file = tmp_path / "mine.toml"
    file.write_text('name = "mine"\n[search.space]\noptimizer = ["sgd"]\n', encoding="utf-8")
    ran = Study.load(file, ("search.space.learning_rate={low = 1e-5, high = 0.5, log = true}",))
    words = shlex.split(run_again(ran, setting))
    set_to = [word for word in words if word.startswith("search.space.learning_rate")]
    assert len(set_to) == 1
    made = Study.load(file, tuple(word for word in words if "=" in word))
    wanted = Study.load(file, (f"search.space.learning_rate={expected}",))
    assert made.space.entries["learning_rate"] == wanted.space.entries["learning_rate"]


def test_of_files_of_one_name_the_command_takes_the_nearest(tmp_path: Path) -> None:
    """Of files that bear a study's name, the printed command names the one that differs least from it."""
    text = 'name = "spirals"\n[data]\nsource = "two_spirals"\n[training]\nsteps = 100\n'
    (tmp_path / "spirals.toml").write_text(text + "batch_size = 8\n", encoding="utf-8")
    (tmp_path / "again.toml").write_text(text, encoding="utf-8")
    given = Study.load(tmp_path / "again.toml")
    words = shlex.split(run_again(given, "training.steps=200"))
    assert words == ["sweeper", "run", str(tmp_path / "again.toml"), "--set", "training.steps=200"]
    own = Study.load(tmp_path / "spirals.toml")
    assert shlex.split(run_again(own, "training.steps=200"))[2] == str(tmp_path / "spirals.toml")


@pytest.mark.parametrize("column", ["my col", "a.b", "it's", 'say "x"', "größe"])
def test_a_key_that_needs_quotes_is_printed_with_them(tmp_path: Path, column: str) -> None:
    """Names of columns are keys, and may be anything; the printed command gives the same study again."""
    file = tmp_path / "mine.toml"
    file.write_text('name = "mine"\n[data]\nsource = "rows.csv"\ntarget = "y"\n', encoding="utf-8")
    pd.DataFrame({column: [1], "y": [2]}).to_csv(tmp_path / "rows.csv", index=False)
    quoted = f"'{column}'" if '"' in column else f'"{column}"'
    study = Study.load(file, (f"data.columns.{quoted}=number",))
    words = shlex.split(run_again(study))
    assert words[2] == str(file)
    assert Study.load(file, tuple(words[4::2])).data == study.data


def test_tables_with_a_key_low_are_no_ranges() -> None:
    """Columns of prices are called open, high, low and close."""
    columns = {"low": "number", "high": "number"}
    raw = {"data": {"columns": columns}, "search": {"space": {"learning_rate": {"low": 1, "high": 2}}}}
    flat = dotted(raw)
    assert flat["data.columns.low"] == "number"
    assert flat["search.space.learning_rate"] == {"low": 1, "high": 2}


def test_an_argument_called_like_an_optimizer_stays() -> None:
    """``model.momentum`` is no setting of the optimizer momentum."""
    space = {"optimizer": ["adam", "sgd"], "model": {"momentum": [0.1, 0.01]}, "learning_rate.sgd": 0.1}
    raw: dict[str, Any] = {"search": {"space": space}}
    apply(raw, ("search.space.optimizer=adam",))
    assert raw["search"]["space"] == {"optimizer": "adam", "model.momentum": [0.1, 0.01]}


def test_a_study_called_after_another_is_run_from_its_file(tmp_path: Path) -> None:
    """A neighbour that needs fewer settings is another study, and may change without it."""
    own = 'name = "raw"\n[data]\nsource = "diabetes"\n[training]\nloss = "mse"\n'
    (tmp_path / "raw.toml").write_text(own, encoding="utf-8")
    near = f"{own}epochs = 7\n".replace('"raw"', '"std"').replace(
        '"diabetes"', '"diabetes"\nsplit = [0.5, 0.3, 0.2]'
    )
    (tmp_path / "a_neighbour.toml").write_text(near, encoding="utf-8")
    changed = ("name=raw-longer", "training.epochs=7", "data.split=[0.5, 0.3, 0.2]")
    command = run_again(Study.load(tmp_path / "raw.toml", changed))
    assert "raw.toml" in command
    assert "a_neighbour" not in command
