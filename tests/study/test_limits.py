"""Input out of all proportion is one short message at once, from files, from --set and from Python."""

from pathlib import Path
from typing import Any

import pytest

from sweeper.data.files import MAX_EXPANDED, MAX_RATIO
from sweeper.data.targets import LONGEST_NAME
from sweeper.errors import Mistake, StudyError, UserError, did_you_mean
from sweeper.study.check import MAX_NAME
from sweeper.study.limits import MAX_DEPTH, MAX_KEYS, MAX_VALUES, beyond_limits
from sweeper.study.load import MAX_BYTES
from sweeper.study.study import Study

DEEP = "[" * 10_000 + "]" * 10_000
DIGITS = "9" * 5_000
LONG = "a" * 300


def message_of(folder: Path, text: str | bytes, *overrides: str) -> str:
    """The message that a study file gives, without its folder."""
    file = folder / "s.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError) as caught:
        Study.load(file, overrides)
    return str(caught.value).replace(f"{folder}/", "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"[model]\nx = {DEEP}", "s.toml: too long a number, or too deeply nested"),
        (f"[model]\nx = {DIGITS}", "s.toml: too long a number, or too deeply nested"),
        (f"[model]\nx = {'[' * 40}{']' * 40}", "model.x: more than 32 lists or tables inside each other"),
        (f"search.space.{'a.' * 40}b = 1", "s.toml: line 2: a key has more than 32 parts"),
        (f"[search.space]\nx = {{ {'a . ' * 40}b = 1 }}", "s.toml: line 3: a key has more than 32 parts"),
        (f"[search]\nseed = {2**63}", "search.seed = 9223372036854775808: an integer has at most 64 bits"),
        (f'name = "{LONG}"', "at most 120 characters, as folders are called by it"),
        ("\n".join(f"k{i} = 1" for i in range(1100)), "study: 1101 keys; at most 1000"),
        (
            "[search.space]\n" + "\n".join(f"k{i} = 1" for i in range(1100)),
            "search.space: 1100 keys; at most 1000 are allowed in a section",
        ),
        (
            f"[search.space]\nlearning_rate = {list(range(1, 20_000))}",
            "search.space.learning_rate: 19999 values; at most 10000 are allowed; a range has low and high",
        ),
        (
            "[search.space]\nmomentum = {low = 0, high = 0.5, step = 5e-324}",
            "momentum.step = 5e-324: too small: ",
        ),
        (
            "[training]\ntimeout = 1e300\nevaluations = 1000000000",
            "training.timeout = 1e+300: must be at most 1e9",
        ),
        (f'[data]\nsource = "{LONG}.csv"', "no such file aaaa"),
        (f'[data]\nsource = "{"a/" * 3000}x.csv"', "no such file a/a"),
        (
            b'question = "' + b"a" * 3_000_000 + b'"',
            "s.toml: larger than 2,000,000 bytes, too large for a study file",
        ),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_file_out_of_proportion(text: str | bytes, message: str, tmp_path: Path) -> None:
    """One message of readable length that names the key; no exception of a parser."""
    whole = (b'name = "s"\n' + text) if isinstance(text, bytes) else f'name = "s"\n{text}'
    told = message_of(tmp_path, text if "name =" in str(text)[:8] else whole)
    assert message in told
    assert len(told) < 2500


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        (f"model.x={DEEP}", "too long a number, or too deeply nested"),
        (f"model.x={DIGITS}", "too long a number, or too deeply nested"),
        (f"search.trials={2**64}", "an integer has at most 64 bits"),
        (".".join("a" * 10_000) + "=1", "more than 32 lists or tables inside each other"),
        ("question=\udcff", "must be Unicode text"),
        ("\udcff=1", "must be Unicode text"),
    ],
    ids=lambda value: str(value)[:24].encode("ascii", "replace").decode(),
)
def test_an_override_out_of_proportion(assignment: str, message: str, tmp_path: Path) -> None:
    """So it is for --set, which names what was given, shortened."""
    told = message_of(tmp_path, 'name = "s"', assignment)
    assert told.startswith("--set '")
    assert told.endswith(message)
    assert len(told) < 400


def test_values_of_python_out_of_proportion() -> None:
    """Lists that hold themselves and text that no file can hold are refused like those of a file."""
    endless: list[Any] = []
    endless.append(endless)
    for value, problem in ((endless, "inside each other"), ("\ud800", "must be Unicode text")):
        with pytest.raises(StudyError, match=problem):
            Study(name="s", model={"source": "mlp", "x": value})


def test_what_is_large_and_allowed(tmp_path: Path) -> None:
    """Up to the limits nothing is refused, and ten thousand choices take no time to speak of."""
    rates = [1 / k for k in range(2, MAX_VALUES + 2)]
    nested: Any = 1
    for _ in range(MAX_DEPTH - 2):
        nested = [nested]
    assert beyond_limits({"model": {"x": nested, **{f"k{i}": i for i in range(MAX_KEYS - 1)}}}) == []
    study = Study(name="s", search={"space": {"learning_rate": rates}})
    assert len(study.space.entries["learning_rate"].values or ()) == MAX_VALUES


def test_messages_stay_short() -> None:
    """Long values and many mistakes are shortened, with what was left out."""
    error = StudyError("s.toml", [Mistake("k" * 900, "wrong", "v" * 900)] * 80)
    assert str(error).startswith("s.toml: 80 mistakes\n")
    assert str(error).endswith("  … and 30 more")
    assert "(900 characters)" in str(error)
    assert str(Mistake("k", "wrong", 10**5000)) == "k = a int too large to show: wrong"
    assert did_you_mean("n7", [f"name{k}" for k in range(100)]).endswith(" … (100 in all)")


def test_limits_are_documented() -> None:
    """Each with the number that the code has."""
    text = (Path(__file__).parents[2] / "docs" / "study-file.md").read_text(encoding="utf-8")
    rows = text.partition("## Limits")[2].partition("\n## ")[0]
    numbers = {MAX_BYTES, MAX_DEPTH, MAX_KEYS, MAX_VALUES, MAX_NAME, LONGEST_NAME, MAX_RATIO}
    assert not {number for number in numbers if f" {number:,} " not in rows}
    assert f" {MAX_EXPANDED // 2**30} GiB" in rows
