"""Values, choices and ranges: which value lies where, how many there are, which belong to which optimizer."""

import itertools
import math
from collections import Counter
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.nn import Linear

from sweeper.study.parse_space import parse_space
from sweeper.study.space import COUNTABLE, Choice, Fixed, Range, Space, among
from sweeper.study.study import Study

UNIT = st.floats(0, 1)
NUMBERS = st.floats(-1e6, 1e6)
SHARES = st.floats(0, 0.99)
relaxed = settings(deadline=None, max_examples=200)


def space_of(raw: dict[str, Any]) -> Space:
    """The parsed space; it has no mistakes."""
    mistakes: list[Any] = []
    space = parse_space(raw, mistakes)
    assert mistakes == []
    return space


@relaxed
@given(low=NUMBERS, high=NUMBERS, zero=SHARES, u=UNIT)
def test_linear_ranges(low: float, high: float, zero: float, u: float) -> None:
    """Values lie within the bounds, or at 0 for a share of `zero`; u is spread evenly over the rest."""
    assume(low < high)
    value = Range(low, high, zero=zero).at(u)
    if u < zero:
        assert value == 0.0
    else:
        share = (u - zero) / (1 - zero)
        assert low <= value <= high
        assert value == pytest.approx(low + share * (high - low), rel=1e-9, abs=1e-6 * (high - low) + 1e-300)


@relaxed
@given(low=st.floats(1e-300, 1e300), high=st.floats(1e-300, 1e300), u=UNIT)
def test_log_ranges(low: float, high: float, u: float) -> None:
    """Logarithms are spread evenly, also over ranges whose ratio no float can hold."""
    assume(low < high)
    value = Range(low, high, log=True).at(u)
    assert low <= value <= high
    expected = math.log(low) + u * (math.log(high) - math.log(low))
    assert math.log(value) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@relaxed
@given(low=st.integers(-50, 50), count=st.integers(1, 40), step=st.integers(1, 7), u=UNIT, zero=SHARES)
def test_whole_ranges(low: int, count: int, step: int, u: float, zero: float) -> None:
    """Whole numbers in steps, each as often as any other; `values` lists just those that `at` gives."""
    values = Range(low, low + step * count, step=step, zero=zero, integer=True)
    value = values.at(u)
    assert type(value) is int
    assert values.values is not None
    assert value in values.values
    if u >= zero:
        assert (value - low) % step == 0
    ends = (zero + (1 - zero) * (k + 0.5) / (count + 1) for k in range(count + 1))
    assert [values.at(u) for u in ends] == [low + k * step for k in range(count + 1)]


@relaxed
@given(low=st.integers(1, 50), width=st.integers(1, 1000), u=UNIT)
def test_whole_log_ranges(low: int, width: int, u: float) -> None:
    """Whole numbers on a log scale stay within the bounds, reach both, and grow with u."""
    values = Range(low, low + width, log=True, integer=True)
    assert type(values.at(u)) is int
    assert low <= values.at(u) <= low + width
    assert (values.at(0.0), values.at(1.0)) == (low, low + width)
    assert values.at(u / 2) <= values.at(u)


def test_whole_numbers_share_the_logarithm() -> None:
    """Each whole number n owns the logarithms from n − 1/2 to n + 1/2: 1 of 1 … 3 is drawn in ln 3 / ln 7."""
    values = Range(1, 3, log=True, integer=True)
    drawn = Counter(values.at((k + 0.5) / 1000) for k in range(1000))
    total = math.log(3.5 / 0.5)
    for n in (1, 2, 3):
        assert drawn[n] / 1000 == pytest.approx(math.log((n + 0.5) / (n - 0.5)) / total, abs=0.002)


@relaxed
@given(low=st.floats(-5, 5), step=st.floats(0.01, 2), count=st.integers(1, 50), u=UNIT)
def test_stepped_ranges(low: float, step: float, count: int, u: float) -> None:
    """Steps from `low`; `high` is the last of them."""
    values = Range(low, low + count * step, step=step)
    assert values.values is not None
    assert len(values.values) == count + 1
    assert values.values == pytest.approx([low + k * step for k in range(count + 1)])
    assert values.at(u) in values.values


@pytest.mark.parametrize("zero", [0.25, 0.5])
def test_the_share_of_zeros(zero: float) -> None:
    """Of evenly spread points, `zero` of all are exactly 0."""
    drawn = [Range(1e-6, 1e-1, log=True, zero=zero).at(k / 1000) for k in range(1000)]
    assert drawn.count(0.0) == 1000 * zero


def test_choices_get_equal_shares() -> None:
    """Each option has the same share of u; 1 belongs to the last."""
    choice = Choice(("a", "b", "c"))
    assert Counter(choice.at(k / 300) for k in range(300)) == {"a": 100, "b": 100, "c": 100}
    assert (choice.at(1.0), choice.values) == ("c", ("a", "b", "c"))
    assert (Fixed("x").at(0.7), Fixed("x").values) == ("x", ("x",))


def test_continuous_and_huge_ranges_have_no_list() -> None:
    """Nobody lists a million widths; zero is one value more, unless it is in the range."""
    assert Range(0.0, 1.0).values is None
    assert Range(1, 10**12, integer=True).values is None
    assert len(Range(1, COUNTABLE, integer=True).values or ()) == COUNTABLE
    assert Range(1, 3, zero=0.5, integer=True).values == (0, 1, 2, 3)
    assert Range(0, 2, zero=0.5, integer=True).values == (0, 1, 2)


def test_steps_end_at_the_last_that_fits() -> None:
    """0.1, 0.5, 0.9 in a range up to 1; decimals are counted as people count them."""
    entries = space_of(
        {
            "learning_rate": {"low": 0.1, "high": 1.0, "step": 0.4},
            "weight_decay": {"low": 0.0, "high": 0.3, "step": 0.1},
        }
    ).entries
    assert entries["learning_rate"].values == (0.1, 0.5, 0.9)
    assert entries["weight_decay"].values == (0.0, 0.1, 0.2, 0.3)


@pytest.mark.parametrize(
    ("low", "high", "step", "values"),
    [
        (0, 1, 0.4, (0, 0.4, 0.8)),
        (0.25, 3, 0.5, (0.25, 0.75, 1.25, 1.75, 2.25, 2.75)),
        (0.05, 1, 0.45, (0.05, 0.5, 0.95)),
        (0.1, 0.3, 0.2, (0.1, 0.3)),
    ],
)
def test_steps_that_are_no_whole_numbers(low: float, high: float, step: float, values: tuple[float]) -> None:
    """Also to a whole end, and as wide as the range itself."""
    entries = space_of({"weight_decay": {"low": low, "high": high, "step": step}}).entries
    assert entries["weight_decay"].values == pytest.approx(values)


def test_arguments_may_be_called_like_the_keys_of_a_range() -> None:
    """Quoted or not; and true is no second 1."""
    entries = space_of({"model": {"prior": [1, 2], "low": {"low": 1, "high": 3}, "flag": [1, True]}}).entries
    assert entries["model.prior"] == Choice((1, 2))
    assert entries["model.low"] == Range(1, 3, integer=True)
    assert repr(entries["model.flag"].values) == "(1, True)"


def test_defaults_of_the_space() -> None:
    """A study that says nothing searches the learning rate of adam."""
    assert space_of({}).entries == {"optimizer": Fixed("adam"), "learning_rate": Range(1e-4, 1.0, log=True)}


def test_values_choices_and_ranges_as_written() -> None:
    """A value is fixed, a list a choice, a list of one fixed, a table a range, a pair of betas a value."""
    entries = space_of(
        {
            "optimizer": ["sgd", "adam"],
            "activation": ["relu"],
            "momentum": 0.9,
            "betas": [0.9, 0.99],
            "model": {"depth": {"low": 2, "high": 4}, "dropout": {"low": 0.0, "high": 1.0}},
            "model.channels": [[4, 8], [8, 16]],
            "learning_rate": {"sgd": 0.5, "low": 1e-3, "high": 1.0},
        }
    ).entries
    assert entries == {
        "optimizer": Choice(("sgd", "adam")),
        "activation": Fixed("relu"),
        "momentum": Fixed(0.9),
        "betas": Fixed((0.9, 0.99)),
        "model.depth": Range(2, 4, integer=True),
        "model.dropout": Range(0.0, 1.0),
        "model.channels": Choice(((4, 8), (8, 16))),
        "learning_rate.sgd": Fixed(0.5),
        "learning_rate": Range(1e-3, 1.0),
    }


CONDITIONAL = {
    "optimizer": ["sgd", "momentum", "adam"],
    "learning_rate": [0.1, 0.2, 0.3],
    "learning_rate.adam": [0.01, 0.02],
    "momentum": [0.5, 0.9],
    "betas": [[0.9, 0.99], [0.8, 0.9]],
    "betas.adam": [0.9, 0.999],
}


def test_parameters_belong_to_the_optimizers_that_take_them() -> None:
    """momentum is for sgd and momentum, betas for adam; a key for one optimizer replaces the general one."""
    space = space_of(CONDITIONAL)
    assert space.parameters == ("optimizer", "learning_rate", "momentum", "betas")
    assert space.active("sgd") == {
        "learning_rate": ("learning_rate", Choice((0.1, 0.2, 0.3))),
        "momentum": ("momentum", Choice((0.5, 0.9))),
    }
    assert space.active("adam") == {
        "learning_rate": ("learning_rate.adam", Choice((0.01, 0.02))),
        "betas": ("betas.adam", Fixed((0.9, 0.999))),
    }


def test_size_counts_what_configurations_lists() -> None:
    """All combinations, optimizer by optimizer, each once."""
    space = space_of(CONDITIONAL)
    listed = list(space.configurations())
    expected = [
        {"optimizer": optimizer, "learning_rate": rate, "momentum": momentum}
        for optimizer, rate, momentum in itertools.product(("sgd", "momentum"), (0.1, 0.2, 0.3), (0.5, 0.9))
    ]
    expected += [{"optimizer": "adam", "learning_rate": r, "betas": (0.9, 0.999)} for r in (0.01, 0.02)]
    assert listed == expected
    assert space.size() == len(listed) == 14


def test_a_continuous_range_makes_the_space_infinite() -> None:
    """Its size is None; a fixed space has one configuration."""
    assert space_of({}).size() is None
    assert space_of({"learning_rate": 0.1}).size() == 1


@pytest.mark.parametrize("key", ["model.sgd", "training.steps"])
def test_model_keys_are_no_conditions(key: str) -> None:
    """A model argument may be called like an optimizer."""
    space = Space({key: Fixed(1)}, {"sgd": frozenset()}, frozenset())
    assert space.base(key) == key


def test_values_for_single_optimizers_are_among_those_of_the_parameter() -> None:
    """Each once; a continuous range lists none."""
    space = space_of(
        {
            "optimizer": ["sgd", "adam"],
            "activation": ["relu", "tanh"],
            "activation.adam": ["gelu", "relu"],
            "learning_rate.sgd": {"low": 0.1, "high": 1.0},
            "training.loss.adam": "mae",
        }
    )
    assert space.listed("activation") == ("relu", "tanh", "gelu")
    assert Range(0.1, 1.0) in space.entries_of("learning_rate")
    assert space.listed("learning_rate") == space.listed("penalty_kind") == ()
    assert space.listed("training.loss") == ("mae",)


def test_the_value_of_the_section_counts_for_optimizers_without_a_key() -> None:
    """A plain key is that of the optimizers without one of their own, and of none where all have one."""
    for size, plain in ({}, Fixed(32)), ({"training.batch_size": 8}, Fixed(8)):
        space = space_of({"optimizer": ["sgd", "adam"], "training.batch_size.adam": [64, 128], **size})
        own = {"training.batch_size.adam": Choice((64, 128))}
        assert space.keyed("training.batch_size", 32) == {"training.batch_size": plain, **own}
    space = space_of({"optimizer": ["adam"], "training.batch_size.adam": [64, 128], "training.batch_size": 8})
    assert space.keyed("training.batch_size", 32) == own


def test_activations_for_single_optimizers_are_swapped() -> None:
    """They are searched, too, so `keep` does something."""
    space = {"optimizer": ["sgd", "adam"], "activation.sgd": "tanh", "activation.adam": ["relu", "elu"]}
    search = {"space": space, "scientific": []}
    study = Study(name="a", model={"source": lambda: Linear(1, 1), "keep": ["gate"]}, search=search)
    assert study.space.listed("activation") == ("tanh", "relu", "elu")


def test_spaces_are_frozen() -> None:
    """Nothing of a space can be set."""
    with pytest.raises(AttributeError):
        Range(0.0, 1.0).low = 2  # type: ignore[misc]
    with pytest.raises(AttributeError):
        space_of({}).entries = {}  # type: ignore[misc]


def test_a_default_is_itself_up_to_rounding() -> None:
    """A grid that computes its points meets 0.001 at 0.0010000000000000002."""
    wanted = [{"optimizer": "adamw", "learning_rate": 0.001, "betas": (0.9, 0.999)}]
    own = {
        "optimizer": "adamw",
        "learning_rate": 0.0010000000000000002,
        "betas": (0.9, 0.999),
        "activation": "relu",
    }
    assert among(own, wanted)
    assert not among({**own, "learning_rate": 0.00101}, wanted)
    assert not among({**own, "optimizer": "adam"}, wanted)
    assert not among({"optimizer": "adamw", "learning_rate": 0.001}, wanted)
