"""What the tables of the pages say about study files and records is what the code does."""

import inspect
import json
import re
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pytest
from pages import (
    arguments_in,
    blocks,
    code_words,
    files_of,
    name_in,
    names_in,
    rows_to_change,
    section,
    table,
    value_in,
)

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
    said = rows_to_change(
        STUDY_PAGE, name, rows, fields, "| `{}` | TYPE | DEFAULT | ALLOWED | MEANING |".format
    )
    assert not said, said
    for key, row in ((fields[written], row) for written, row in rows.items()):
        default, place = getattr(actual, key), f"{STUDY_PAGE}, {name!r}, row of {key}"
        told = value_in(row["Default"])
        assert (tuple(told) if isinstance(told, list) else told) == default, f"{place}: default"
        assert default is None or isinstance(default, TYPES[row["Type"]]), f"{place}: type of {default!r}"
        words = {v for v in literals(SECTIONS[name].model_fields[key].annotation) if isinstance(v, str)}
        assert not words or names_in(row["Allowed"]) == words, f"{place}: allowed"


def literals(annotation: Any) -> list[Any]:
    """All values that a type spells out."""
    if "Literal" in str(annotation) and all(not hasattr(a, "__origin__") for a in get_args(annotation)):
        return [a for a in get_args(annotation) if isinstance(a, str | int)]
    return [value for part in get_args(annotation) for value in literals(part)]


def test_top_keys() -> None:
    """The keys above the sections are those of `Study`."""
    rows = table(STUDY_PAGE, "The whole file", "Key")
    told, keys = [name_in(row["Key"]) for row in rows], [k for k in Study.model_fields if k not in SECTIONS]
    said = rows_to_change(STUDY_PAGE, "The whole file", told, keys)
    assert not said, said
    assert value_in(rows[1]["Default"]) == Study(name="x").question


def test_functions_and_their_arguments() -> None:
    """Built-in data sets and models are listed with the arguments and defaults of their functions."""
    told = table("docs/your-own-model.md", "The model function", "Argument")
    given = {name_in(row["Argument"]) for row in told if "`" in row["Argument"]}
    for registry, heading in ((DATASETS, "Built-in data sets"), (MODELS, "model")):
        rows = {name_in(row["Name"]): row for row in table(STUDY_PAGE, heading, "Name")}
        said = rows_to_change(STUDY_PAGE, heading, rows, registry)
        assert not said, said
        for name, function in registry.items():
            parameters = inspect.signature(function).parameters
            own = {n: p.default for n, p in parameters.items() if n not in given}
            plain = {n: list(v) if isinstance(v, tuple) else v for n, v in own.items()}
            assert arguments_in(rows[name]["Arguments"]) == plain, f"{STUDY_PAGE}, {heading!r}, row of {name}"


def test_checks_and_their_arguments() -> None:
    """Every check of an expectation is listed with its arguments and their defaults."""
    rows = table(STUDY_PAGE, "expect", "Check")
    said = rows_to_change(STUDY_PAGE, "expect", [name_in(row["Check"]) for row in rows], expect.CHECKS)
    assert not said, said
    for row in rows:
        given = inspect.signature(expect.CHECKS[name_in(row["Check"])]).parameters
        told = arguments_in(row["Arguments"])
        place = f"{STUDY_PAGE}, 'expect', row of {name_in(row['Check'])}: arguments"
        assert list(told) == list(given), place
        for name, parameter in given.items():
            known = parameter.default is not parameter.empty and parameter.default is not None
            assert not known or told[name] == parameter.default, f"{place}, default of {name}"


def test_sizes_of_data_sets() -> None:
    """Rows and inputs of each built-in data set are as told."""
    for row in table(STUDY_PAGE, "Built-in data sets", "Name"):
        found = DATASETS[name_in(row["Name"])]()
        inputs = found["train"][0] if isinstance(found, dict) else found[0]
        sizes = f"{inputs.shape[0]} × {inputs.shape[1]}"
        assert row["Rows × inputs"] == sizes, f"{STUDY_PAGE}, 'Built-in data sets', row of {row['Name']}"


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
    told["Scores"], listed["Scores"] = sorted(told["Scores"]), sorted(names())
    lines = {"Optimizers": optimizer_line}
    said = [rows_to_change(STUDY_PAGE, h, told[h], known, lines.get(h)) for h, known in listed.items()]
    schemes = {name_in(r["`init`"]): names_in(r["Activations"]) for r in activation_schemes()}
    used = {a.init for a in ACTIVATIONS.values()}
    said.append(rows_to_change(STUDY_PAGE, "Activations", sorted(schemes), sorted(used)))
    for scheme, those in schemes.items():
        known = {a.name for a in ACTIVATIONS.values() if a.init == scheme}
        place = f"{STUDY_PAGE}, 'Activations', row of {scheme}"
        said += [f"{place}: add `{name}`" for name in sorted(known - those)]
        said += [f"{place}: take out `{name}`" for name in sorted(those - known)]
    init = {name_in(row["Key"]): row for row in table(STUDY_PAGE, "model", "Key")}["init"]
    if names_in(init["Allowed"]) != {"auto", *INITIALIZERS}:
        said.append(f"{STUDY_PAGE}, 'model', row of init: auto, {', '.join(INITIALIZERS)}")
    assert not any(said), "\n".join(filter(None, said))


def activation_schemes() -> list[dict[str, str]]:
    """The table of initial weights by activation."""
    return table(STUDY_PAGE, "Activations", "`init`")


def optimizer_line(name: str) -> str:
    """The line of the table of optimizers for one."""
    entry, (low, high) = OPTIMIZERS[name], search_rates(name)
    changed = ", ".join(f"`{key} = {json.dumps(value)}`" for key, value in entry.defaults.items())
    cells = f"`{name}`", f"`{entry.expression}`", changed, number(entry.published["learning_rate"])
    return f"| {' | '.join(cells)} | {number(low)} to {number(high)} |"


def test_optimizer_classes() -> None:
    """Each optimizer is listed with its class, the defaults that are not the class's, and its rates."""
    for row in table(STUDY_PAGE, "Optimizers", "Name"):
        optimizer = OPTIMIZERS[name_in(row["Name"])]
        message = f"{STUDY_PAGE}, 'Optimizers': the line is\n{optimizer_line(optimizer.name)}"
        assert name_in(row["Class"]) == optimizer.expression, message
        changed = row["Defaults that differ from the class's"]
        assert arguments_in(changed) == dict(optimizer.defaults), message
        rate = float(row["Published default, tried first"].partition(",")[0])
        assert rate == optimizer.published["learning_rate"], message
        low, high = search_rates(optimizer.name)
        assert row["Range searched"] == f"{number(low)} to {number(high)}", message


def takers(parameter: str) -> list[str]:
    """The optimizers that take it."""
    every = OPTIMIZERS.values()
    return [o.name for o in every if parameter in o.options or parameter not in OPTIMIZER_OPTIONS]


def parameter_line(name: str) -> str:
    """The line of the table of parameters for one; an optimizer's options begin as the others do."""
    allowed = ALLOWED.get(name)
    values = "VALUES" if allowed is None else IN_WORDS.get(allowed, str(allowed))
    by = "all" if name not in OPTIMIZER_OPTIONS else ", ".join(f"`{taker}`" for taker in takers(name))
    return f"| `{name}` | {values} | {by} | the optimizer's own |"


def test_search_space() -> None:
    """Parameters are listed with their limits, the optimizers that take them, and their defaults."""
    rows = {name_in(row["Parameter"]): row for row in table(STUDY_PAGE, "The search space", "Parameter")}
    known, heading = {*PARAMETERS, "model.*", "training.*"}, "The search space"
    said = rows_to_change(STUDY_PAGE, heading, sorted(rows), sorted(known), parameter_line)
    assert not said, said
    values = {name: IN_WORDS.get(allowed, str(allowed)) for name, allowed in ALLOWED.items()}
    wrong = [parameter_line(name) for name in ALLOWED if rows[name]["Values"] != values[name]]
    for name, row in rows.items():
        named = set(OPTIMIZERS) if row["Taken by"] == "all" else names_in(row["Taken by"])
        wrong += [parameter_line(name)] if named != set(takers(name)) else []
    assert not wrong, "\n".join((f"{STUDY_PAGE}, {heading!r}: the lines are", *wrong))
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
    expected = f"error: {shown}"
    assert told.splitlines() == expected.splitlines(), f"{STUDY_PAGE}, what mistakes.toml says:\n{expected}"


def test_what_may_change() -> None:
    """The page names the keys that may change in a run that has begun."""
    told = set(code_words(section(STUDY_PAGE, "What may change in a study that has begun")))
    untold = {*run_folder.GROWING, "[confirm]"} - told
    assert not untold, f"{STUDY_PAGE}, 'What may change in a study that has begun': add {sorted(untold)}"


@pytest.mark.parametrize(
    ("heading", "columns"),
    [("trials", schema.TRIALS), ("curves", schema.CURVES), ("layers", schema.LAYERS)],
)
def test_record_columns(heading: str, columns: pa.Schema) -> None:
    """The columns of a record are listed in order with their types."""
    rows = table(RECORDS_PAGE, heading, "Column")
    told, known = [name_in(r["Column"]) for r in rows], [f.name for f in columns]
    said = rows_to_change(RECORDS_PAGE, heading, told, known, "| `{}` | TYPE | MEANING |".format)
    assert not said, said
    types = {f.name: str(f.type) for f in columns}
    assert {name_in(r["Column"]): r["Type"] for r in rows} == types, f"{RECORDS_PAGE}, {heading!r}: types"


def test_words_of_the_records() -> None:
    """Outcomes, measures, metrics and the keys of the answer are those that runs write."""
    outcomes = {name_in(r["Column"]): r for r in table(RECORDS_PAGE, "trials", "Column")}["outcome"]
    assert names_in(outcomes["Meaning"]) == set(Outcome), f"{RECORDS_PAGE}, 'trials', row of outcome"
    for page, heading in ((RECORDS_PAGE, "layers"), ("docs/science.md", "Measures (`sweeper/measures/`)")):
        told = [name for row in table(page, heading, "Measure") for name in code_words(row["Measure"])]
        said = rows_to_change(page, heading, told, MEASURES)
        assert not said, said
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
    said = rows_to_change(RECORDS_PAGE, "curves", sorted(told), sorted(written | {PRECONDITIONED}))
    assert not said, said
    assert written | {PRECONDITIONED} == written | set(SHARPNESS_METRICS)
    (example,) = blocks(RECORDS_PAGE, "json")
    keys = Answer(0, {}, 0.0, None, None, ()).to_dict()
    told_keys = re.findall(r'^  "(\w+)"', example.text, re.MULTILINE)
    assert told_keys == list(keys), (
        f"{RECORDS_PAGE}, the example of answer.json: its keys are {', '.join(keys)}"
    )
