"""`sweeper activations`: a table for people, JSON for programs, from the same computed facts."""

import functools
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules.lazy import LazyModuleMixin
from typer.testing import CliRunner
from warm_python import python

from sweeper.cli import app
from sweeper.components.activations import ACTIVATIONS, OWN, Activation
from sweeper.report import catalogue as report
from sweeper.theory import mean_field
from sweeper.theory.activation_facts import catalogue
from sweeper.theory.mean_field import propagation


class Steep(LazyModuleMixin, nn.Module):
    """(s·x)², with a learned s for each unit, as many as its first input has."""

    def __init__(self) -> None:
        super().__init__()
        self.s = nn.UninitializedParameter()

    def initialize_parameters(self, x: Tensor) -> None:
        """Ones."""
        with torch.no_grad():
            self.s.materialize(x.shape[1:])
            self.s.fill_(1.0)

    def forward(self, x: Tensor) -> Tensor:
        """Of the shape of x."""
        return (self.s * x).square()


@pytest.fixture(scope="module", autouse=True)
def _computed_once() -> Iterator[None]:
    """What each call of the command would compute anew is the same in all tests here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mean_field, "propagation", functools.cache(propagation))
        yield


def run(*arguments: str) -> str:
    """What the command prints; it must end well."""
    result = CliRunner().invoke(app, ["activations", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def rows(output: str) -> dict[str, str]:
    """name -> its line of the table."""
    lines = output.splitlines()
    return {line.split(" ")[0]: line for line in lines if line.split(" ")[0] in ACTIVATIONS}


def option(key: str, value: bool) -> str:
    """A filter of the catalogue as the command has it."""
    word = key.replace("_", "-")
    return f"--{word}" if value else "--unbounded" if key == "bounded" else f"--not-{word}"


def test_every_activation_has_one_line() -> None:
    """Outside of a terminal nothing is folded or cut, and the table fits 100 columns."""
    output = run()
    assert set(rows(output)) == set(ACTIVATIONS)
    assert "…" not in output
    assert max(map(len, rows(output).values())) <= 100
    assert output.isascii()


def test_lines_say_what_was_computed() -> None:
    """ELU is not positive and softplus is, with their ranges; what makes no sense is a dash."""
    lines = {name: line.split() for name, line in rows(run()).items()}
    assert lines["elu"][:3] == ["elu", "(-1,", "inf)"]
    assert lines["elu"][-4] == "no"
    assert lines["softplus"][-4] == "yes"
    assert lines["softmax"][-3:] == ["-", "-", "-"]
    assert lines["tanh"][-3:] == ["1.593", "1.106", "1.000"]
    assert "none" in lines["hardshrink"]


def test_remarks_name_the_smooth_positive_choice() -> None:
    """Who wants positive outputs reads softplus, that ELU is none, and what the numbers stand for."""
    output = run()
    assert "For positive outputs without upper bound, the smooth choice: softplus (0, inf)" in output
    assert "Not positive, though often said to be: elu, range (-1, inf)." in output
    assert "prelu: has a parameter that each layer learns" in output
    assert "outputs sum to 1" in output


def test_filters_reach_the_catalogue() -> None:
    """Each option and its opposite keeps the right lines; remarks speak of those alone."""
    for asked in (
        {"positive": True, "smooth": True, "bounded": False},
        {"monotone": False},
        {"zero_centred": True, "bounded": True},
    ):
        found = set(rows(run(*(option(key, value) for key, value in asked.items()))))
        assert found == {facts.name for facts in catalogue(**asked)} != set(ACTIVATIONS)
    bounded, unbounded = rows(run("--bounded")), rows(run("--unbounded"))
    assert set(bounded) | set(unbounded) == set(ACTIVATIONS)
    assert not set(bounded) & set(unbounded)
    assert "elu, range" not in run("--positive")


def test_no_activation_has_all_of_it() -> None:
    """An empty answer is said in words, and is an empty list in JSON."""
    impossible = ("--positive", "--not-monotone")
    assert "no activation function has all of these properties" in run(*impossible)
    assert json.loads(run("--json", *impossible)) == []


def test_one_without_facts_has_a_row_of_dashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no function of one number is told as that; all others are listed, a lazy one too."""
    monkeypatch.setitem(ACTIVATIONS, "per_unit", Activation("per_unit", "nn.PReLU(8)"))
    monkeypatch.setitem(ACTIVATIONS, "steep", Activation("steep", "Steep()"))
    monkeypatch.setitem(OWN, "Steep", Steep)
    output = run()
    lines = rows(output)
    assert set(lines) == set(ACTIVATIONS)
    assert lines["per_unit"].split()[1:] == ["-"] * 9
    assert lines["steep"].split()[-2:] == ["diverges", "diverges"]
    assert "per_unit: PReLU is not elementwise: its outputs depend on more than one input each." in output
    found = {each["name"]: each for each in json.loads(run("--json"))}
    assert found["per_unit"]["note"].startswith("PReLU is not elementwise")
    assert found["per_unit"].keys() == found["relu"].keys()
    assert found["steep"]["note"].endswith("shown with its initial value, 1")
    assert {"per_unit", "steep"}.isdisjoint(rows(run("--bounded")))


def test_json_is_strict_and_complete() -> None:
    """Every fact of every activation; infinities are texts that float() reads; None where there is none."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    found = {each["name"]: each for each in json.loads(run("--json"), parse_constant=refuse)}
    assert set(found) == set(ACTIVATIONS)
    assert len({tuple(each) for each in found.values()}) == 1
    for facts in catalogue():
        each = found[facts.name]
        assert (float(each["infimum"]), float(each["supremum"])) == (facts.outputs.low, facts.outputs.high)
        for key in (
            "range",
            "lipschitz",
            "smoothness",
            "monotone",
            "zero_centred",
            "positive",
            "bounded",
            "gain",
        ):
            assert each[key] == getattr(facts, key)
        if facts.elementwise:
            assert each["chi_he"] == propagation(facts.name, 2.0).chi
            assert each["backward_xavier"] == facts.slope_second_moment
    assert found["relu"]["supremum"] == "inf"
    assert found["leaky_relu"]["infimum"] == "-inf"
    assert found["softplus"]["q_he"] == "inf"
    assert found["threshold"]["lipschitz"] is None
    assert (found["threshold"]["jumps"], found["relu6"]["kinks"]) == ([0.1], [0, 6])
    assert found["softmax"]["chi_he"] is found["softmax"]["monotone"] is None


@pytest.mark.parametrize("columns", [60, 80, 100, 160])
def test_terminals_fold_what_does_not_fit(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a terminal names and numbers stay whole, ranges fold; below 80 the terminal wraps."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("FORCE_COLOR", "1")
    output = re.sub(r"\x1b\[[0-9;]*m", "", run())
    assert "…" not in output
    assert max(map(len, output.splitlines())) <= max(columns, 80)
    lines = rows(output)
    assert set(lines) == set(ACTIVATIONS)
    assert lines["gelu"].split()[-3:] == ["1.534", "0.500", "0.250"]
    assert ("[-0.169971, inf)" if columns >= 100 else "[-0.17,") in lines["gelu"]
    assert re.search(r"\(-1\.758,|\(-1\.7581,", lines["selu"])


def test_a_pipe_gets_everything_in_any_encoding(tmp_path: Path) -> None:
    """Into a pipe that takes plain letters only: every line, and nothing on stderr."""
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "30", "OMP_NUM_THREADS": "1"}
    found = python(["-m", "sweeper", "activations"], tmp_path, environment=environment)
    assert found.returncode == 0
    assert set(rows(found.stdout)) == set(ACTIVATIONS)
    assert "…" not in found.stdout
    assert found.stdout.isascii()
    assert found.stderr == ""


def test_infinities_become_texts() -> None:
    """Documented: "inf" and "-inf", which float() reads; nothing else changes."""
    (softplus,) = report.to_dicts([facts for facts in catalogue() if facts.name == "softplus"])
    keys = ("name", "infimum", "supremum", "lipschitz", "monotone")
    assert [softplus[key] for key in keys] == ["softplus", 0.0, "inf", 1.0, True]
