"""The script of `best --python` prints the recorded curve, without this package, to the last bit."""

import ast
import builtins
import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from printed_curves import curve_in, recorded
from script_cases import CASES as PLAIN
from script_cases import case, study_of, write_inputs
from several_cases import SEVERAL, write_several
from standalone import outputs

from sweeper.components import (
    initializers,
    losses,
    metrics,
    models,
    penalties,
    schedules,
)
from sweeper.components.optimizers import OPTIMIZERS
from sweeper.data import sources, splits
from sweeper.errors import UserError
from sweeper.printable import printable
from sweeper.report.script import script
from sweeper.report.script.source import definitions, import_block
from sweeper.study.data import data_of
from sweeper.study.study import Study
from sweeper.training.reference import train
from sweeper.training.setup import Task
from sweeper.trial import Outcome, Trial, TrialResult

CASES = {**PLAIN, **SEVERAL}
ANOTHER_SEED = "csv with words"


@dataclass(frozen=True)
class Run:
    """A case, trained by the reference engine and by its script."""

    result: TrialResult
    text: str
    said: str


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the study files, with the user's files in it."""
    folder = tmp_path_factory.mktemp("study")
    write_inputs(folder)
    write_several(folder)
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the script of the case `ANOTHER_SEED` leaves its weights."""
    return tmp_path_factory.mktemp("weights") / "w.pt"


@pytest.fixture(scope="module")
def runs(
    folder: Path, weights: Path, one_thread: None, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Run]:
    """Every case once, and one of them with another seed."""
    scripts, empty = tmp_path_factory.mktemp("scripts"), tmp_path_factory.mktemp("empty")
    trained, texts, calls = {}, {}, {}
    for number, (name, (sections, parameters)) in enumerate(CASES.items()):
        study = study_of(sections, folder)
        data = data_of(study)
        trained[name] = train(Task(study, data), Trial(0, "explore", 3, parameters, test=True))
        objective = trained[name].objective
        texts[name] = script(study, parameters, 3, data=data, recorded=objective)
        file = scripts / f"best{number}.py"
        file.write_text(texts[name], encoding="utf-8")
        calls[name] = [str(file), *(["--test"] if '"--test"' in texts[name] else [])]
        if name == ANOTHER_SEED:
            calls["seed 8"] = [str(file), "--seed", "8", "--save", str(weights)]
            trained["seed 8"] = train(Task(study, data), Trial(0, "confirm", 8, parameters))
            texts["seed 8"] = texts[name]
    said = outputs(calls, empty)
    assert list(empty.iterdir()) == []
    return {name: Run(trained[name], texts[name], said[name]) for name in calls}


def test_a_script_promises_the_recorded_curve_only_where_it_prints_it(folder: Path) -> None:
    """Of a winner whose row is that of a stack, it says that its numbers are others; the rest is the same."""
    sections, parameters = next(iter(CASES.values()))
    study = study_of(sections, folder)
    alone, stacked = (script(study, parameters, 3, recorded=value) for value in (0.5, None))
    assert "to the last bit" in alone
    assert "the recorded curve" in alone
    assert not any(
        promise in stacked for promise in ("to the last bit", "the recorded curve", "sweep recorded")
    )
    assert "These are not the recorded numbers" in stacked
    lines = [text.partition('\n"""\n')[2].split("\n") for text in (alone, stacked)]
    assert "RECORDED = 0.5  # the objective that the sweep recorded for this seed" in lines[0]
    assert sum(line not in lines[1] for line in lines[0]) == 4  # that number, and what is said of another


def test_a_script_says_where_its_objective_is_another(
    runs: dict[str, Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of other rows, say; not where it is that on record, and not of another seed."""
    text = runs[ANOTHER_SEED].text
    scope: dict[str, Any] = {"__name__": "script"}
    exec(compile(text, "best.py", "exec"), scope)
    threads = torch.get_num_threads()
    for altered, seed, told in ((False, 3, False), (True, 3, True), (True, 4, False)):
        scope["LEARNING_RATE"] = 0.0123 if altered else scope["LEARNING_RATE"]
        scope["main"](seed=seed, test=False, save=None)
        said = capsys.readouterr().err
        assert said.startswith(f"The sweep recorded {runs[ANOTHER_SEED].result.objective!r}. ") is told
    torch.set_num_threads(threads)


@pytest.mark.parametrize("name", CASES)
def test_script_prints_the_recorded_curve(name: str, runs: dict[str, Run]) -> None:
    """Every evaluation point of the script equals the reference engine's, bit by bit."""
    run = runs[name]
    assert run.result.outcome == Outcome.COMPLETED, run.result.reason
    assert len({value for (_, metric), value in recorded(run.result).items() if "loss" in metric}) > 2
    assert curve_in(run.said) == recorded(run.result)


@pytest.mark.parametrize("name", CASES)
def test_script_ends_with_the_objective(name: str, runs: dict[str, Run]) -> None:
    """The last lines are the recorded objective and, with --test, the test score of the best point."""
    run = runs[name]
    (objective,) = re.findall(r"^objective (\S+): the lowest", run.said, flags=re.MULTILINE)
    assert float(objective) == run.result.objective
    scores = dict(re.findall(r"test_(\w+) ([^\s,]+)", run.said))
    assert {metric: float(value) for metric, value in scores.items()} == dict(run.result.test)


@pytest.mark.parametrize("name", CASES)
def test_script_imports_what_the_user_has(name: str, runs: dict[str, Run], folder: Path) -> None:
    """No import of this package, and no path but the user's folder."""
    tree = ast.parse(runs[name].text)
    imports = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    standard = "argparse|collections|contextlib|dataclasses|functools|math|pathlib|random|re|sys|typing"
    allowed = rf"(import|from) ({standard}|numpy|pandas|PIL|sklearn|torch|script_case|several_case)"
    assert [line for line in imports if not re.match(allowed, line)] == []
    strings = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    paths = [value for value in strings if isinstance(value, str) and Path(value).is_absolute()]
    assert {path for path in paths if not path.startswith(str(folder))} == set()


def test_scripts_are_clean(runs: dict[str, Run], tmp_path: Path) -> None:
    """The linter finds no unused import, unknown name or stray statement."""
    for number, run in enumerate(runs.values()):
        (tmp_path / f"best{number}.py").write_text(run.text, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--select",
        "E,F",
        "--ignore",
        "E402,E501",  # generators are seeded before the user's modules are imported
        ".",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stdout


def test_script_is_short(runs: dict[str, Run]) -> None:
    """A person reads it in minutes: under 350 lines where the study is plain; the longest has an optimizer
    that torch lacks, calls of activations that are swapped, or a table to encode that a function gives.
    """
    lengths = sorted(len(run.text.splitlines()) for run in runs.values())
    assert lengths[0] < 350
    assert lengths[-1] < 780


def test_another_seed(runs: dict[str, Run]) -> None:
    """--seed trains that replicate: other weights, batches, split; test rows rest unless asked for."""
    run = runs["seed 8"]
    assert curve_in(run.said) == recorded(run.result) != recorded(runs[ANOTHER_SEED].result)
    assert "test_" not in run.said


def test_weights_of_the_best_point(runs: dict[str, Run], weights: Path) -> None:
    """--save keeps the weights whose validation loss is the objective, not the last ones."""
    result, text = runs["seed 8"].result, runs["seed 8"].text
    best = [step for (step, _), value in recorded(result).items() if value == result.objective]
    assert 0 < best[0] < result.steps
    scope: dict[str, Any] = {"__name__": "script"}
    exec(compile(text, "best.py", "exec"), scope)
    _, (x, y), _ = scope["load_rows"](8)
    model = scope["initial_model"](0)
    model.load_state_dict(torch.load(weights, weights_only=True))
    assert scope["scores"](model, x, y)["loss"] == result.objective


def test_shared_layer_stays_one(runs: dict[str, Run]) -> None:
    """An activation layer that the model uses at two places is swapped at both, for one and the same."""
    text = runs["parts of the user, shared activation"].text
    assert 'for names in [["body.1", "body.3"], ["first.1"]]:' in text


def test_data_are_loaded_where_not_given(folder: Path) -> None:
    """Without data the script is the same: it loads what the study names."""
    sections, parameters = CASES["csv with words"]
    study = study_of(sections, folder)
    assert script(study, parameters, 3) == script(study, parameters, 3, data=data_of(study))


def test_functions_as_objects(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function given as an object is imported from the folder of its module."""
    monkeypatch.syspath_prepend(str(folder))
    import script_case_functions as functions

    study = Study(name="api", model=functions.net, data=functions.parts, training={"steps": 2})
    text = script(study, {"optimizer": "adam", "learning_rate": 0.1}, 0)
    assert "from script_case_functions import net as make_model" in text
    assert "from script_case_functions import parts as read_data" in text
    assert f"sys.path.insert(0, {json.dumps(str(folder))})" in text


def make_local() -> Callable[..., Any]:
    """A function that no import reaches."""

    def local(in_features: int, out_features: int) -> torch.nn.Module:
        return torch.nn.Linear(in_features, out_features)

    return local


def in_notebook(in_features: int, out_features: int) -> torch.nn.Module:
    """As if it had been defined in a notebook."""
    return torch.nn.Linear(in_features, out_features)


in_notebook.__module__ = "__main__"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (lambda in_features, out_features: torch.nn.Linear(in_features, out_features), "is a lambda"),
        (make_local(), "is 'local', defined inside another function"),
        (in_notebook, "is 'in_notebook', defined in a notebook or in the script that was run"),
        (models.mlp, "is sweeper.components.models:mlp, a part of sweeper"),
    ],
)
def test_what_cannot_be_imported_is_refused(source: Any, reason: str) -> None:
    """A function that no other program can import is a clear message, not a broken script."""
    study = Study(name="api", model=source, training={"steps": 2})
    with pytest.raises(UserError, match=rf"^model\.source {re.escape(reason)}.*in a module of its own$"):
        script(study, {"optimizer": "adam", "learning_rate": 0.1, "activation": "relu"}, 0)


def test_source_read_back_from_a_run_is_refused_too(folder: Path) -> None:
    """A run folder keeps functions by name; a notebook's stays out of reach."""
    sections, parameters = case({}, model="__main__:net")
    study = Study(name="api", folder=folder, trusted=True, **sections)
    with pytest.raises(UserError, match=r"^model\.source is 'net', defined in a notebook"):
        script(study, parameters, 0)


def test_objects_cannot_be_written_down(folder: Path) -> None:
    """An argument that is no literal is named."""
    sections, parameters = case({}, model={"source": "script_case_functions:net", "width": torch.ones(2)})
    with pytest.raises(UserError, match=r"^model\.width = tensor\(\[1\., 1\.\]\) cannot be written into"):
        script(study_of(sections, folder), parameters, 0)


CATALOGUES: list[tuple[ModuleType, Any]] = [
    (sources, sources.DATASETS.values()),
    (models, models.MODELS.values()),
    (initializers, initializers.INITIALIZERS.values()),
    (schedules, schedules.SCHEDULES.values()),
    (penalties, penalties.PENALTIES.values()),
    (losses, [loss.function for loss in losses.LOSSES.values()]),
    *((sys.modules[metric.function.__module__], [metric.function]) for metric in metrics.METRICS),
    *((entry.own_module, [entry.optimizer_class]) for entry in OPTIMIZERS.values() if entry.own_module),
    (splits, [splits.split_rows, splits.standardize_columns]),
]


@pytest.mark.parametrize(
    ("module", "name"), [(module, f.__name__) for module, functions in CATALOGUES for f in functions]
)
def test_components_stand_alone(module: ModuleType, name: str) -> None:
    """Every component, cut out with what it uses, leaves no name undefined."""
    code = definitions(module, name)
    imports = import_block(code, [module], "")
    scope: dict[str, Any] = {}
    exec(compile(f"{imports}\n{code}", name, "exec"), scope)
    assert scope[name].__doc__ == getattr(module, name).__doc__
    assert "sweeper" not in imports
    local = {node.arg for node in ast.walk(ast.parse(code)) if isinstance(node, ast.arg)}
    late = {node.asname or node.name for node in ast.walk(ast.parse(code)) if isinstance(node, ast.alias)}
    stored = {
        node.id
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    names = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    assert names - set(scope) - set(dir(builtins)) - local - stored - late == set()


def test_no_key_or_value_of_a_study_is_code(folder: Path) -> None:
    """Whatever keys, values and texts contain, they stand in the script as strings, and comments end."""
    evil = "x=1);open('owned','w').close();(y\n\"\"\"\x1b[2J\u202e"
    sections, parameters = case({}, model={"source": "script_case_functions:anything", evil: [evil], "if": 1})
    sections["data"] = {"source": "script_case_functions:words", "of": evil}
    study = Study(name="case", question=evil, folder=folder, trusted=True, **sections)
    text = script(study, parameters, 3)
    tree = ast.parse(text)
    assert "owned" not in {node.args[0].value for node in calls_of(tree, "open")}
    (made,) = calls_of(tree, "make_model")
    assert [keyword.arg for keyword in made.keywords] == ["in_features", "out_features", None, None]
    assert [ast.literal_eval(k.value) for k in made.keywords if k.arg is None] == [{evil: [evil]}, {"if": 1}]
    (read,) = calls_of(tree, "read_data")
    assert ast.literal_eval(read.keywords[0].value) == evil
    assert printable(text) == text


def calls_of(tree: ast.AST, name: str) -> list[Any]:
    """Every call of the function `name`."""
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == name]
