"""Numbers and lists in words."""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.wording import (
    about_duration,
    as_float,
    bounds,
    count,
    decade,
    distinct,
    duration,
    every,
    exact,
    fixed,
    from_to,
    interval,
    layers,
    listing,
    loss_value,
    memory_size,
    number,
    percent,
    shown,
    signed,
    signed_interval,
    signed_number,
    signed_percent,
    signed_percents,
    some_of,
    tick,
    tidied,
    times,
)
from sweeper.wording import given as given_words


def read(text: str) -> float:
    """The number that a reader sees."""
    return float(text.replace("−", "-").replace(",", ""))


def test_bounds_are_told_apart() -> None:
    """Two digits where they do, more where only these show that an interval has a width."""
    assert bounds(0.0138, 0.021) == "0.014 to 0.021"
    assert bounds(0.0138, 0.0142) == "0.0138 to 0.0142"


@given(st.floats(min_value=1e-12, max_value=1e12), st.booleans())
def test_a_number_keeps_three_digits(size: float, negative: bool) -> None:
    """What is printed is within half a unit of the third digit, whatever the size and the sign."""
    value = -size if negative else size
    assert read(number(value)) == pytest.approx(value, rel=5.01e-3)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0312345, "0.0312"),
        (1234.5, "1234"),
        (2.5e-5, "2.5e-5"),
        (-0.25, "−0.25"),
        (-3e-5, "−3e-5"),
        (np.float64(1e-3), "0.001"),
        (math.nan, "–"),
        (math.inf, "∞"),
        (999.7, "1000"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    """Plain where that is short; a true minus sign, but an exponent that can be copied."""
    assert number(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(min_value=0, max_value=6))
def test_no_number_is_a_negative_zero(value: float, decimals: int) -> None:
    """A minus sign stands before what is below 0 as it is written, and nowhere else."""
    ends = sorted([value, value / 2, -value])
    texts = [fixed(value, decimals), signed(value), percent(value), *interval(ends[1], ends[0], ends[2])]
    for text in (*texts, *signed_interval(ends[1], ends[0], ends[2])):
        assert text[0] != "−" or re.search("[1-9]", text.partition("e")[0]), text


@given(st.floats(min_value=-1 + 1e-12, max_value=1e12))
def test_no_change_is_told_in_thousands_of_percent(share: float) -> None:
    """At most three digits before the sign of percent; beyond, a factor of no more than six."""
    text = signed_percent(share)
    assert len(re.sub(r"\D", "", text.partition(".")[0])) <= (3 if "%" in text else 6)
    assert "<" not in text
    assert ">" not in text


@given(st.lists(st.floats(min_value=-1 + 1e-12, max_value=1e12), min_size=3, max_size=3))
def test_changes_that_stand_together_have_one_unit(shares: list[float]) -> None:
    """Factors all, or percents all; a change is never told as none."""
    texts = signed_percents(*shares)
    assert len({text.startswith("×") for text in texts if text != "0"}) <= 1
    assert all(
        text not in ("0", "×1") for text, share in zip(texts, shares, strict=True) if abs(share) > 1e-6
    )


@given(
    st.floats(min_value=0.01, max_value=100),
    st.floats(min_value=0.001, max_value=1),
    st.floats(min_value=0, max_value=1),
)
def test_an_interval_shows_two_digits_of_its_width(mean: float, width: float, place: float) -> None:
    """All three numbers have the same decimals, fine enough for a twentieth of the width."""
    low = mean - place * width
    texts = interval(mean, low, low + width)
    assert len({len(text.partition(".")[2]) for text in texts}) == 1
    for text, value in zip(texts, (mean, low, low + width), strict=True):
        assert abs(read(text) - value) <= width / 20 + 1e-9


@pytest.mark.parametrize(
    ("items", "text"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c"], "a, b and c"),
        (["a", "b and c"], "a; b and c"),
        (["a or b", "c", "d"], "a or b; c; d"),
    ],
)
def test_listing(items: list[str], text: str) -> None:
    """Commas, and one "and"; semicolons alone where an item has an "and" of its own."""
    assert listing(items) == text


@pytest.mark.parametrize(
    ("numbers", "text"),
    [([3], "layer 3"), ([1, 0], "layers 0–1"), ([0, 1, 2, 5], "layers 0–2 and 5")],
)
def test_layers(numbers: list[int], text: str) -> None:
    """Neighbours are joined."""
    assert layers(numbers) == text


def test_counts_percents_durations_and_factors() -> None:
    """Nouns agree, the ends of shares stay apart from 0 and 100, factors have two digits."""
    assert [count(n, "trial") for n in (0, 1, 10_000)] == ["0 trials", "1 trial", "10,000 trials"]
    assert [percent(s) for s in (0, 0.004, 0.084, 0.995, 1)] == ["0 %", "0.4 %", "8 %", "99.5 %", "100 %"]
    assert [duration(s) for s in (0.84, 42, 190, 7500)] == ["0.8 s", "42 s", "3 min 10 s", "2 h 5 min"]
    assert [times(d) for d in (0.3, 1, -4.13, 9.2)] == ["2 times", "10 times", "13,000 times", "10⁹ times"]


def test_cells() -> None:
    """Settings and cells of any type have one form."""
    values = (True, None, np.nan, 64, 0.00149934, (0.9, 0.999), "adam", np.int64(-3))
    assert [shown(v) for v in values] == ["yes", "–", "–", "64", "0.001499", "(0.9, 0.999)", "adam", "−3"]


@given(st.floats(min_value=1e-3, max_value=1e5), st.integers(min_value=1, max_value=4))
def test_numbers_of_any_digits_are_written_out(size: float, digits: int) -> None:
    """No exponent where a number is between a thousandth and a million, however few digits it has."""
    assert "e" not in number(size, digits)


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (percent(0.9721, 1), "97.2 %"),
        (percent(-0.08), "−8 %"),
        (signed_percent(0.084), "+8 %"),
        (signed_percent(-0.004), "−0.4 %"),
        (signed_percent(0.0), "0"),
        (signed_percent(-0.0004), "−0.04 %"),
        (signed_percent(8.7), "+870 %"),
        (signed_percent(871.7), "×870"),
        (signed_percent(-1.0), "−100 %"),
        (signed_percent(4e4), "×40,000"),
        (signed_percent(-0.98), "−98 %"),
        (signed_percent(-0.9995), "×5e-4"),
        (signed_percents(-0.9972, 0.041, 7.9), ("×0.0028", "×1.04", "×8.9")),
        (signed_percents(-0.2, 0.0, 7.9), ("−20 %", "0", "+790 %")),
        (percent(-0.004), "−0.4 %"),
        (percent(40.0), "40 times"),
        (fixed(-0.001, 2), "0.00"),
        ([some_of("abcdef"[:n]) for n in (1, 4, 5)], ["a", "a, b, c and d", "a, b, c and 2 others"]),
        (signed(-0.001), "+0.00"),
        (signed(0.5), "+0.50"),
        (interval(0.1, -0.001, 0.3), ("0.100", "−0.001", "0.300")),
        (interval(29485.167969, 29485.1679, 29485.168), ("29,485", "29,485", "29,485")),
        ([every(n, "trial") for n in (1, 2, 3)], ["the only trial", "both trials", "all 3 trials"]),
        ([every(n, "finalist", of="other ") for n in (1, 2)], ["the other finalist", "both other finalists"]),
        (signed_number(0.03125), "+0.0312"),
        (signed_number(-2.0), "−2"),
        (given_words(1e-5), "1e-5"),
        (given_words(30.0), "30"),
        (exact(0.1 + 0.2), "0.3"),
        (exact(1e-5), "1e-5"),
        (as_float(1e-5), "1e-5"),
        (as_float(1.0), "1.0"),
        (number(1e4), "10,000"),
        (number(1234.5), "1234"),
        (tidied(10**-1.0000000000001), 0.1),
        (tick(2e-5), "2×10⁻⁵"),
        (tick(0.001), "0.001"),
        (decade(1e-3), "10⁻³"),
        (loss_value(math.inf), "inf"),
        (loss_value(math.nan), "nan"),
        (loss_value(1234.0), "1234"),
        (loss_value(23456.7), "23457"),
        (number(23456.7), "23,457"),
        (number(-23456.7, grouping=""), "−23457"),
        (memory_size(3.2 * 2**30), "3.2 GiB"),
        (about_duration(600), "10 min"),
    ],
)
def test_each_kind_of_number(made: object, text: object) -> None:
    """Shares, changes, what was given, what programs read, labels of axes, memory and forecasts."""
    assert made == text


def test_a_change_has_the_signs_of_its_interval() -> None:
    """A plus above 0, a minus below, none at 0; all with the same decimals."""
    assert signed_interval(0.115, 0.0999, 0.13) == ("+0.115", "+0.100", "+0.130")
    assert signed_interval(-0.0123, -0.4, 0.002) == ("−0.012", "−0.400", "+0.002")


@given(
    st.floats(min_value=0.01, max_value=10), st.floats(min_value=0.02, max_value=1), st.sampled_from([1, -1])
)
def test_a_wide_interval_leaves_two_digits_of_the_mean_and_of_an_end_above_0(
    width: float, share: float, side: int
) -> None:
    """Heavy tails make intervals wide: neither the mean nor the end next to 0 is rounded away."""
    for mean, low, high in (
        (share * width, share * width / 2, share * width / 2 + width),
        (share * width, -width / 2, width),
    ):
        shown_mean, near, _ = interval(*(side * value for value in (mean, low, high)))
        assert abs(read(shown_mean) - side * mean) <= 0.051 * mean
        assert low < 0 or abs(read(near) - side * low) <= 0.051 * low


def test_intervals_with_heavy_tails_keep_their_mean() -> None:
    """As a user's run had them; a mean that is next to nothing stays 0."""
    assert interval(0.2258, 0.0144, 1.169) == ("0.226", "0.014", "1.169")
    assert interval(0.064, -0.2, 1.0) == ("0.064", "−0.200", "1.000")
    assert interval(1e-6, -0.2, 0.2) == ("0.0000", "−0.2000", "0.2000")


def test_one_figure_has_one_rounding() -> None:
    """No figure is written in two ways: 1 % is never 1.0 %, tiny factors are powers as huge ones are."""
    assert {percent(share) for share in (0.0096, 0.00999, 0.01, 0.0104)} == {"1 %"}
    assert percent(0.9904) == percent(0.99) == "99 %"
    assert (percent(0.0094), percent(0.9912)) == ("0.9 %", "99.1 %")
    assert (signed_percent(8.8e-8 - 1), signed_percent(1e8)) == ("×10⁻⁷", "×10⁸")
    assert (fixed(71_858.4, 0), fixed(9_999.4, 0)) == ("71,858", "9999")


def test_names_that_are_numbers_are_not_repeated_beside_them() -> None:
    """``layer 2 (4)`` explains nothing."""
    assert (from_to(["0", "2"]), from_to([])) == ("", "")
    assert from_to(["net.0", "net.6"]) == " (net.0 to net.6)"


def test_numbers_that_differ_are_told_apart() -> None:
    """1.1 before training and 1.1 afterwards would be no fall; equal ones stay short."""
    assert distinct([1.1027, 1.1004]) == ["1.103", "1.1"]
    assert distinct([0.5, 0.25, 0.5]) == ["0.5", "0.25", "0.5"]
    assert distinct([2.0, 2.0 + 1e-9]) == ["2", "2"]
