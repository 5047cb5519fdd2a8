"""Every question keeps the rules of its room; a new one is tested by its name alone.

`tests/questions/test_thin_data.py` draws the figures of all of them, whatever a run leaves.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from report_inputs import Asked, asked_of, changed, full_input, made_input
from synthetic_records import SyntheticRecords

from sweeper.questions import FIGURES, QUESTIONS, TABLES
from sweeper.questions.question import PAGE_PARTS, Question, Tables
from sweeper.report.sections import sentences

ROOM = Path(__file__).resolve().parents[2] / "sweeper" / "questions"
TREES = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(ROOM.glob("*.py"))}
ENDING = {
    name: tree
    for name, tree in TREES.items()
    if isinstance(tree.body[-1], ast.Assign) and ast.unparse(tree.body[-1].targets[0]) == "QUESTION"
}
"""Modules that end in a question."""
STATING = {
    name: tree
    for name, tree in TREES.items()
    if any(isinstance(node, ast.FunctionDef) and node.name in ("draw", "sentences") for node in tree.body)
}
"""Modules that draw or say something, some of them for a question of another one."""
STATE = ("draw", "alt", "sentences", "facts", "applies")
"""Functions of a question that state what its tables hold."""
COMPUTE = ("sweeper.statistics", "scipy", "sklearn")
each_question = pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.key)


@pytest.fixture(scope="module")
def asked(records: SyntheticRecords) -> Asked:
    """A run that holds whatever a question may read, with its tables; do not change them in place."""
    return asked_of(full_input(records))


@pytest.fixture(scope="module")
def empty(records: SyntheticRecords) -> Asked:
    """A run that has recorded nothing yet."""
    return asked_of(made_input(changed(records, "nothing yet")))


def test_every_file_that_ends_in_a_question_is_listed() -> None:
    """A question that nobody lists would be on no page; one that is listed twice would be there twice."""
    (listing,) = [
        ast.unparse(node.value)
        for node in TREES["__init__"].body
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "QUESTIONS" and node.value
    ]
    names = [word.strip(" ()").removesuffix(".QUESTION") for word in listing.split(",")]
    assert sorted(names) == sorted(ENDING)
    assert len({question.key for question in QUESTIONS}) == len(QUESTIONS)


def test_no_two_questions_write_the_same_file() -> None:
    """Each table and each figure has a name of its own."""
    assert sum(len(question.tables) for question in QUESTIONS) == len(TABLES)
    assert sum(len(question.figures) for question in QUESTIONS) == len(FIGURES)


@pytest.mark.parametrize("name", STATING)
def test_only_tables_compute(name: str) -> None:
    """What draws, describes or says uses no statistics, also not by way of another function of its file."""
    assert not set(reached(STATING[name])) & set(computing(STATING[name]))


def computing(tree: ast.Module) -> Iterator[str]:
    """Functions that a module imports to compute; constants in capitals are none."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(COMPUTE):
            yield from (alias.name for alias in node.names if not alias.name.isupper())


def reached(tree: ast.Module) -> set[str]:
    """Names that the functions of `STATE` use, directly or through functions of the same module."""
    bodies = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    found: set[str] = set()
    left = [name for name in STATE if name in bodies]
    while left:
        nodes = [node for node in ast.walk(bodies[left.pop()]) if isinstance(node, ast.Name)]
        own = {node.id for node in nodes if isinstance(node.ctx, ast.Store)}
        names = {node.id for node in nodes} - own - found
        found |= names
        left += [name for name in names if name in bodies]
    return found


def test_statistics_in_a_sentence_are_seen() -> None:
    """The rule would catch a figure that fits a curve by way of a helper."""
    tree = ast.parse(
        "from sweeper.statistics.regression import fit\n"
        "def draw(frame): return _line(frame)\n"
        "def _line(frame): return fit(frame)\n"
    )
    assert reached(tree) & set(computing(tree)) == {"fit"}


@each_question
def test_a_whole_run_fills_every_table(asked: Asked, question: Question) -> None:
    """What the other tests say of a table, they say of its rows, also where it reads a new measure."""
    left = [name for name in question.tables if asked.tables[name].empty]
    assert left == [], "what they read, `full_input` of tests/helpers/report_inputs.py has to hold"


@each_question
def test_tables_have_their_columns_whatever_was_recorded(
    asked: Asked, empty: Asked, question: Question
) -> None:
    """Nothing recorded: no row, or none that misses a column; no column appears that a whole run lacks."""
    for name in question.tables:
        here, there = asked.tables[name], empty.tables[name]
        assert isinstance(there, pd.DataFrame)
        assert set(there) <= set(here), name
        assert len(there) == 0 or set(there) == set(here), name


@each_question
def test_what_is_shown_and_drawn_is_a_table(asked: Asked, question: Question) -> None:
    """Tables on the page and under the figure exist, and the parts that are shown can be cut out of them."""
    for part in question.shown:
        assert set(part.view(asked.tables[part.table])), part.table
    assert {figure.table for figure in question.figures} <= set(question.tables)
    assert question.part in PAGE_PARTS


@each_question
def test_without_records_a_question_says_why_it_is_empty(empty: Asked, question: Question) -> None:
    """A figure's `missing` takes the place of the answer; a question without a figure says something too."""
    said = sentences(question, *empty)
    if question.figure is not None and empty.tables[question.figure.table].empty:
        assert said == (question.figure.why_missing(empty.run),)
    assert all(text.strip() for text in said)
    assert said


NUMBER = re.compile(r"(?<![\w#.,-])(\d[\d,]*(?:\.\d+)?(?:e[-−+]?\d+)?)( %)?(?![\w.,]\d)")
"""A number in a sentence, and whether it is a percentage; no trial (``#17``), no part of a name (``l2``)."""
LABELLED = re.compile(r"\d+(?:\.\d+)?(?:e[-+]?\d+)?")
SETTLED = {"95 %", "10 %", "80 %"}
"""Levels and thresholds that sentences name; the functions that compute the tables fix them."""


class ReadTables(dict[str, pd.DataFrame]):
    """Tables that note which of them were read."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(tables)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> pd.DataFrame:
        self.read.add(name)
        return super().__getitem__(name)


@each_question
def test_numbers_in_sentences_stand_in_tables(asked: Asked, question: Question) -> None:
    """A decimal or a percentage is a cell of a table that the sentences read, up to its rounding."""
    if not question.applies(asked.run, asked.tables):
        return
    tables = ReadTables(asked.tables.every())
    text = " ".join(sentences(question, asked.run, tables))
    assert missing(text, cells([tables[name] for name in tables.read])) == []


def missing(text: str, known: np.ndarray) -> list[str]:
    """Decimals and percentages of `text` that are none of the numbers `known`."""
    return [found[0] for found in NUMBER.finditer(text) if is_measured(found) and not is_among(found, known)]


def is_measured(found: re.Match[str]) -> bool:
    """Counts, steps and the usual levels are not looked for."""
    return found[0] not in SETTLED and ("." in found[1] or "e" in found[1] or found[2] is not None)


def is_among(found: re.Match[str], known: np.ndarray) -> bool:
    """Whether some number is written like this: rounded to as many digits, percent as a share."""
    digits, _, power = found[1].replace(",", "").replace("−", "-").partition("e")
    unit = 10.0 ** (int(power or 0) - len(digits.partition(".")[2])) / (100 if found[2] else 1)
    value = float(digits) * 10.0 ** int(power or 0) / (100 if found[2] else 1)
    return bool((np.abs(known - value) <= 0.501 * unit).any())


def cells(frames: list[pd.DataFrame]) -> np.ndarray:
    """Every finite number of the tables, without sign; those in labels too."""
    found = [0.0]
    for frame in frames:
        for cell in frame.to_numpy(dtype=object).ravel():
            found += [float(text) for text in LABELLED.findall(str(cell))]
    every = np.abs(found)
    return np.asarray(every[np.isfinite(every)])


def test_a_number_of_its_own_is_seen() -> None:
    """The rule would catch a sentence that computes."""
    known = np.array([0.217, 0.476])
    assert missing("0.217, 0.22, 47.6 % and 48 % of 3 trials (95 % interval), 2.2e-1", known) == []
    assert missing("0.218 or 47 %", known) == ["0.218", "47 %"]
