"""What the tables of the pages say about study files and records is what the code does."""

import inspect
import re
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pytest
from pages import arguments_in, blocks, code_words, files_of, name_in, names_in, section, table, value_in

from sweeper.answer.answer import Answer
from sweeper.components.activations import ACTIVATIONS
from sweeper.components.initializers import INITIALIZERS
from sweeper.components.losses import LOSSES
from sweeper.components.metrics import names
from sweeper.components.models import MODELS
from sweeper.components.optimizers import OPTIMIZER_OPTIONS, OPTIMIZERS
from sweeper.components.optimizers.option import (
    ABOVE_ZERO,
    AT_LEAST_ZERO,
    BELOW_ONE,
    BETAS,
    FROM_0_TO_1,
    SWITCH,
)
from sweeper.components.penalties import PENALTIES
from sweeper.components.schedules import SCHEDULES
from sweeper.data.sources import DATASETS
from sweeper.errors import StudyError
from sweeper.measures import MEASURES
from sweeper.questions.run_data import PRECONDITIONED, SHARPNESS_METRICS
from sweeper.records import run_folder, schema
from sweeper.study import expect, sections
from sweeper.study.data import data_of
from sweeper.study.parameters import ALLOWED, PARAMETERS, SEARCHABLE_TRAINING
from sweeper.study.parse_space import DEFAULTS, RANGE_KEYS
from sweeper.study.rates import search_rates
from sweeper.study.study import Study
from sweeper.training.reference import train
from sweeper.training.setup import Task
from sweeper.training.sharpness_curve import sharpness_of
from sweeper.trial import Outcome, Trial
from sweeper.wording import number

STUDY_PAGE, RECORDS_PAGE = "docs/study-file.md", "docs/records.md"
TYPES: dict[str, Any] = {
    "text": str,
    "number": (int, float),
    "whole number": int,
    "true or false": bool,
    "list of numbers": tuple,
    "list of text": tuple,
    "list of tables": tuple,
    "table": dict,
}
IN_WORDS = {
    ABOVE_ZERO: "above 0",
    AT_LEAST_ZERO: "at least 0",
    BELOW_ONE: "from 0 up to, not including, 1",
    FROM_0_TO_1: "from 0 to 1",
    SWITCH: "true or false",
    BETAS: "pairs of numbers from 0 up to, not including, 1",
}
"""What a parameter may be -> how the page puts it."""
SECTIONS = {
    "data": sections.DataSection,
    "model": sections.ModelSection,
    "training": sections.TrainingSection,
    "search": sections.SearchSection,
    "confirm": sections.ConfirmSection,
    "expect": expect.ExpectSection,
}


@pytest.mark.parametrize("name", SECTIONS)
def test_keys_and_defaults(name: str) -> None:
    """The table of a section has its keys, with their defaults and types."""
    rows = {name_in(row["Key"]): row for row in table(STUDY_PAGE, name, "Key")}
    actual = SECTIONS[name]()
    fields = {field.alias or key: key for key, field in SECTIONS[name].model_fields.items()}
    assert list(rows) == list(fields)
    for key, row in ((fields[written], row) for written, row in rows.items()):
        default = getattr(actual, key)
        told = value_in(row["Default"])
        assert (tuple(told) if isinstance(told, list) else told) == default, key
        assert default is None or isinstance(default, TYPES[row["Type"]]), key
        words = {v for v in literals(SECTIONS[name].model_fields[key].annotation) if isinstance(v, str)}
        assert not words or names_in(row["Allowed"]) == words, key


def literals(annotation: Any) -> list[Any]:
    """All values that a type spells out."""
    if "Literal" in str(annotation) and all(not hasattr(a, "__origin__") for a in get_args(annotation)):
        return [a for a in get_args(annotation) if isinstance(a, str | int)]
    return [value for part in get_args(annotation) for value in literals(part)]


def test_top_keys() -> None:
    """The keys above the sections are those of `Study`."""
    rows = table(STUDY_PAGE, "The whole file", "Key")
    assert [name_in(row["Key"]) for row in rows] == [k for k in Study.model_fields if k not in SECTIONS]
    assert value_in(rows[1]["Default"]) == Study(name="x").question


def test_functions_and_their_arguments() -> None:
    """Built-in data sets and models are listed with the arguments and defaults of their functions."""
    told = table("docs/your-own-model.md", "The model function", "Argument")
    given = {name_in(row["Argument"]) for row in told if "`" in row["Argument"]}
    for registry, heading in ((DATASETS, "Built-in data sets"), (MODELS, "model")):
        rows = {name_in(row["Name"]): row for row in table(STUDY_PAGE, heading, "Name")}
        assert list(rows) == list(registry)
        for name, function in registry.items():
            parameters = inspect.signature(function).parameters
            own = {n: p.default for n, p in parameters.items() if n not in given}
            plain = {n: list(v) if isinstance(v, tuple) else v for n, v in own.items()}
            assert arguments_in(rows[name]["Arguments"]) == plain, name


def test_checks_and_their_arguments() -> None:
    """Every check of an expectation is listed with its arguments and their defaults."""
    rows = table(STUDY_PAGE, "expect", "Check")
    assert [name_in(row["Check"]) for row in rows] == list(expect.CHECKS)
    for row in rows:
        given = inspect.signature(expect.CHECKS[name_in(row["Check"])]).parameters
        told = arguments_in(row["Arguments"])
        assert list(told) == list(given)
        for name, parameter in given.items():
            known = parameter.default is not parameter.empty and parameter.default is not None
            assert not known or told[name] == parameter.default, name


def test_sizes_of_data_sets() -> None:
    """Rows and inputs of each built-in data set are as told."""
    for row in table(STUDY_PAGE, "Built-in data sets", "Name"):
        found = DATASETS[name_in(row["Name"])]()
        inputs = found["train"][0] if isinstance(found, dict) else found[0]
        assert row["Rows × inputs"] == f"{inputs.shape[0]} × {inputs.shape[1]}"


def test_names() -> None:
    """The lists of names are the registries."""
    listed: dict[str, Any] = {
        "Optimizers": OPTIMIZERS,
        "Schedules": SCHEDULES,
        "Losses": LOSSES,
        "Scores": [*names()],
        "Penalties": PENALTIES,
        "Initializers": INITIALIZERS,
    }
    told = {
        heading: [name_in(row["Name"]) for row in table(STUDY_PAGE, heading, "Name")] for heading in listed
    }
    apart = {heading: set(told[heading]) ^ set(registry) for heading, registry in listed.items()}
    assert {heading: names for heading, names in apart.items() if names} == {}, "on one side alone"
    for heading, registry in listed.items():
        assert sorted(told[heading]) == sorted(registry), heading
        assert heading == "Scores" or told[heading] == list(registry), heading
    schemes = {name_in(r["`init`"]): names_in(r["Activations"]) for r in activation_schemes()}
    assert schemes == {s: {a.name for a in ACTIVATIONS.values() if a.init == s} for s in schemes}
    assert set().union(*schemes.values()) == set(ACTIVATIONS)
    init = {name_in(row["Key"]): row for row in table(STUDY_PAGE, "model", "Key")}["init"]
    assert {"auto", *INITIALIZERS} == names_in(init["Allowed"])


def activation_schemes() -> list[dict[str, str]]:
    """The table of initial weights by activation."""
    return table(STUDY_PAGE, "Activations", "`init`")


def test_optimizer_classes() -> None:
    """Each optimizer is listed with its class and the defaults that are not the class's."""
    for row in table(STUDY_PAGE, "Optimizers", "Name"):
        optimizer = OPTIMIZERS[name_in(row["Name"])]
        assert name_in(row["Class"]) == optimizer.expression
        changed = row["Defaults that differ from the class's"]
        assert arguments_in(changed) == dict(optimizer.defaults)
        low, high = search_rates(optimizer.name)
        assert row["Range searched"] == f"{number(low)} to {number(high)}"


def test_search_space() -> None:
    """Parameters are listed with their limits, the optimizers that take them, and their defaults."""
    rows = {name_in(row["Parameter"]): row for row in table(STUDY_PAGE, "The search space", "Parameter")}
    assert set(rows) ^ {*PARAMETERS, "model.*", "training.*"} == set(), "on one side alone"
    told = {name: rows[name]["Values"] for name in ALLOWED}
    assert told == {name: IN_WORDS.get(allowed, str(allowed)) for name, allowed in ALLOWED.items()}
    wrong: dict[str, set[str]] = {}
    for name, row in rows.items():
        takers = {o.name for o in OPTIMIZERS.values() if name in o.options or name not in OPTIMIZER_OPTIONS}
        named = set(OPTIMIZERS) if row["Taken by"] == "all" else names_in(row["Taken by"])
        wrong |= {name: named ^ takers} if named != takers else {}
    assert wrong == {}, "optimizers on one side alone"
    absent = "Where it is not in the space"
    assert value_in(rows["optimizer"][absent]) == DEFAULTS["optimizer"]
    assert rows["learning_rate"][absent] == "the range of [each optimizer](#optimizers)"
    fixed = names_in(rows["training.*"]["Values"]) - {"[training]"}
    assert fixed == set(sections.TrainingSection.model_fields) - set(SEARCHABLE_TRAINING)
    ranges = table(STUDY_PAGE, "The search space", "Key of a range")
    assert {name_in(row["Key of a range"]) for row in ranges} == set(RANGE_KEYS)


def test_mistakes_are_reported_as_shown(tmp_path: Path) -> None:
    """The wrong example has the mistakes that the page lists for it, word for word."""
    file = files_of(STUDY_PAGE, tmp_path)["mistakes.toml"]
    with pytest.raises(StudyError) as caught:
        Study.load(file)
    (told,) = [block.text for block in blocks(STUDY_PAGE, "text") if "mistakes.toml" in block.text]
    shown = str(caught.value).replace(str(file), file.name)
    assert told.splitlines() == f"error: {shown}".splitlines()


def test_what_may_change() -> None:
    """The page names the keys that may change in a run that has begun."""
    told = set(code_words(section(STUDY_PAGE, "What may change in a study that has begun")))
    assert told >= {*run_folder.GROWING, "[confirm]"}


@pytest.mark.parametrize(
    ("heading", "columns"),
    [("trials", schema.TRIALS), ("curves", schema.CURVES), ("layers", schema.LAYERS)],
)
def test_record_columns(heading: str, columns: pa.Schema) -> None:
    """The columns of a record are listed in order with their types."""
    rows = table(RECORDS_PAGE, heading, "Column")
    assert [(name_in(r["Column"]), r["Type"]) for r in rows] == [(f.name, str(f.type)) for f in columns]


def test_words_of_the_records() -> None:
    """Outcomes, measures, metrics and the keys of the answer are those that runs write."""
    outcomes = {name_in(r["Column"]): r for r in table(RECORDS_PAGE, "trials", "Column")}["outcome"]
    assert names_in(outcomes["Meaning"]) == set(Outcome)
    for page, heading in ((RECORDS_PAGE, "layers"), ("docs/science.md", "Measures (`sweeper/measures/`)")):
        told = [name for row in table(page, heading, "Measure") for name in code_words(row["Measure"])]
        assert told == list(MEASURES)
    written = set()
    for data, loss in (("wine", "cross_entropy"), ("diabetes", "mse")):
        study = Study(
            name="m", data=data, model={"depth": 1}, training={"loss": loss, "steps": 1, "evaluations": 1}
        )
        parameters = {"optimizer": "adam", "learning_rate": 0.01, "activation_penalty": 0.1}
        result = train(Task(study, data_of(study)), Trial(0, "explore", 0, parameters))
        written |= {metric for _, metric, _ in result.curves}
        written |= {
            metric for _, metric, _ in sharpness_of(Task(study, data_of(study)), result.trial, last=0)
        }
    told = {name_in(r["Metric"]) for r in table(RECORDS_PAGE, "curves", "Metric")}
    assert {"validation_NAME", "train_NAME"} <= told
    told -= {"validation_NAME", "train_NAME"}
    scores = {f"validation_{name}" for name in names()}
    written -= scores - told  # those of the table of scores
    assert told == written | {PRECONDITIONED} == written | set(SHARPNESS_METRICS)
    (example,) = blocks(RECORDS_PAGE, "json")
    keys = Answer(0, {}, 0.0, None, None, ()).to_dict()
    assert re.findall(r'^  "(\w+)"', example.text, re.MULTILINE) == list(keys)
