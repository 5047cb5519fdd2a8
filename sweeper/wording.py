"""Numbers and lists in words. Every number that people read is rounded here, by one rule:

- with an interval, it and its ends have the decimals of two digits of the interval's width, and up to two
  more where a mean, or an end next to 0, would keep fewer than two digits, or no sign: `interval`;
- alone it has three significant digits: `number`; fewer where it is a time, a factor or a place on a grid;
- a share is whole percents, with a decimal where that would round it to none or all, and a factor from ten
  times on: `percent`; a change is percents too, and a factor above ten times or below a hundredth:
  `signed_percent`, and `signed_percents` for those that stand together, in one unit;
- numbers of one column have the decimals that give the usual one four digits: `fixed`;
- what somebody gave, a limit or a size, stays as it was given: `given`; programs read `exact`.

No other module formats a float (tests/contracts/test_rounding.py).
"""

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float, digits: int = 3, grouping: str = ",", *, full: bool = False) -> str:
    """``0.0312``, ``1234``, ``10,000``, ``2.5e-5``: `digits` significant digits, whole from 1000 up;
    ``–`` for none. `grouping` stands between thousands from 10,000 up; records have none; `full`: zeros."""
    if not math.isfinite(value):
        return "–" if math.isnan(value) else ("−∞" if value < 0 else "∞")
    sign, size = "−" if value < 0 else "", abs(value)
    if size == 0 or 1e-3 <= size < 1e6:
        short = f"{size:{'#' if full and size else ''}.{digits}g}".rstrip(".")
        whole_number = f"{size:{grouping if size >= 9999.5 else ''}.0f}"
        return sign + (whole_number if size >= 1000 or "e" in short else short)
    mantissa, _, exponent = f"{size:.{digits - 1}e}".partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa and not full else mantissa
    return f"{sign}{mantissa}e{int(exponent)}"


def interval(mean: float, low: float, high: float) -> tuple[str, str, str]:
    """`mean`, `low` and `high` to the same decimals: those of two digits of the interval's width, and at most
    `MORE` further ones for two digits of the mean, and of the end next to 0; one where 0 lies inside."""
    width, largest = high - low, max(abs(mean), abs(low), abs(high))
    if not 1e-3 <= largest < 1e6 or not math.isfinite(width + mean) or width <= ROUNDING * largest:
        said = [number(value, full=largest < 1e-3) for value in (mean, low, high)]
        return tuple(distinct([mean, low, high]) if largest >= 1e6 and 0 < width < math.inf else said)  # type: ignore
    own = 1 - math.floor(math.log10(width))
    near = min(low, high, key=abs)
    kept = [mean, *([near] if low * high > 0 else [])]
    wanted = max([own, *(1 - math.floor(math.log10(abs(value))) for value in kept if value)])
    wanted = wanted if not near or round(near, max(wanted, 0)) else -math.floor(math.log10(abs(near)))
    decimals = min(max(min(wanted, own + MORE), 0), 6)
    return tuple(fixed(value, decimals) for value in (mean, low, high))  # type: ignore[return-value]


MORE = 2
"""Decimals beyond those of the width: a mean nearer to 0 than a hundredth of the width is as good as 0."""
ROUNDING = 1e-6
"""Width of an interval, as a share of its numbers, below which only their common digits are of use."""


def fixed(value: float, decimals: int) -> str:
    """So many decimals, as in a column; a true minus sign, which 0 has not, and grouped from 10,000 up."""
    grouping = "," if abs(value) >= 9999.5 else ""
    return f"{round(value, decimals) + 0.0:{grouping}.{decimals}f}".replace("-", "−")


def signed_interval(mean: float, low: float, high: float) -> tuple[str, ...]:
    """`interval` of changes, each with its sign: ``+0.03``, ``−0.01``, ``0.00``."""
    words = interval(mean, low, high)
    return tuple(
        f"{'+' if value > 0 and text.strip('0.') else ''}{text}"
        for value, text in zip((mean, low, high), words, strict=True)
    )


def percent(share: float, decimals: int = 0) -> str:
    """``0.084`` -> ``8 %``; one decimal below 1 % and above 99 %, where whole ones would round to the end;
    ``32 times`` from ten times on."""
    if share < 0:
        return f"−{percent(-share, decimals)}"
    value = 100 * share
    if share >= TENFOLD:
        return f"{factor(share)} times"
    near = 0 < value < 1 or 99 < value < 100
    if near and not 0.05 <= value < 99.95:
        return "<0.1 %" if value < 1 else ">99.9 %"
    text = f"{value:.{max(decimals, 1) if near else decimals}f}"
    return f"{text if decimals else text.removesuffix('.0')} %"


def share_of(share: float, whole: str) -> str:
    """``8 % of the mean``; ``32 times the mean`` from ten times on."""
    return f"{percent(share)}{'' if share >= TENFOLD else ' of'} {whole}"


TENFOLD, HUNDREDTH = 10.0, 0.01
"""Factors from and below which percents are hard to read."""


def signed_percent(share: float, _: object = None) -> str:
    """``+8 %``, ``−0.4 %``, ``0``: a change; ``×880`` and ``×0.005`` where it is that large."""
    if _by_factor(share):
        return by_factor(share)
    if abs(share) < 1e-6:
        return "0"
    size = 100 * abs(share)
    return f"{'+' if share > 0 else '−'}{f'{size:.0f}' if size >= 1 else number(size, 1)} %"


def signed_percents(*shares: float) -> tuple[str, ...]:
    """`signed_percent` of changes that stand together: all factors, ``×0.94`` too, where one is."""
    return tuple(map(by_factor if any(map(_by_factor, shares)) else signed_percent, shares))


def _by_factor(share: float) -> bool:
    return share != -1 and not HUNDREDTH < 1 + share < TENFOLD


def by_factor(share: float, _: object = None) -> str:
    """``×17``, ``×0.94``: a change as what it multiplies by, never 1 where there is one."""
    if 1e-6 <= abs(share) < 0.1:
        return f"×{fixed(1 + share, -math.floor(math.log10(abs(share))))}"
    return f"×{factor(1 + share)}"


def factor(value: float) -> str:
    """``880``, ``40,000``, ``10⁹``, ``0.005``, ``10⁻⁹``: two significant digits."""
    if value >= 1e6 or 0 < value <= 1e-6:
        return power(round(math.log10(value)))
    return f"{round(value, 1 - math.floor(math.log10(value))):,.0f}" if value >= 10 else number(value, 2)


def signed_number(value: float) -> str:
    """`number` with its sign: ``+0.0312``."""
    return ("+" if value > 0 else "") + number(value)


def loss_value(value: float) -> str:
    """A number in the reason of a trial's end, as records keep it: ``10001``, ``2.32e12``, ``inf``."""
    return number(value, grouping="") if math.isfinite(value) else f"{value:g}"


def given(value: float) -> str:
    """What somebody gave, or a limit, as it would be typed: ``0.001``, ``1e-5``, ``30``."""
    return exact(value, 6)


def exact(value: float, digits: int = 12) -> str:
    """For programs and for keys: to `digits` significant digits, as it would be typed."""
    return f"{value:.{digits}g}".replace("e-0", "e-").replace("e+0", "e")


def as_float(value: float) -> str:
    """`exact` as a float of TOML, ``1.0``: a whole number would make its range one of whole numbers."""
    text = exact(value)
    return text if "." in text or "e" in text else f"{text}.0"


def tidied(value: float, digits: int = 12) -> float:
    """The float nearest to `value` with so many significant digits: ``0.1``, not ``0.1000…0001``."""
    return float(exact(value, digits))


def tick(value: float, _: object = None) -> str:
    """A label of an axis: ``0.001``, ``30``, and powers of ten (``2×10⁻⁵``) outside 1e-3 … 1e4.

    The second argument is what matplotlib hands to a formatter, here and below.
    """
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)) + 1e-9)
    if -3 <= exponent <= 3:
        return given(value)
    mantissa = value / 10.0**exponent
    return power(exponent) if math.isclose(mantissa, 1) else f"{given(mantissa)}×{power(exponent)}"


def power(exponent: int) -> str:
    """``10⁻³``: no mathematical text, which figures never parse."""
    return f"10{str(exponent).translate(SUPERSCRIPTS)}"


def decade(value: float, _: object = None) -> str:
    """A label of an axis of decades: powers of ten, ``1`` and ``10`` written out."""
    return tick(value) if value == 0 or 0.9 < abs(value) < 11 else power(round(math.log10(abs(value))))


def memory_size(size: float) -> str:
    """``3.2 GiB``, or MiB below one."""
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.1f} MiB"


def whole(value: int) -> str:
    """``12``, ``10,000``: how many there are of something, whose name stands elsewhere."""
    return f"{value:,}"


UNITS = re.compile(r"(?<=\d) (?=(?:%|s|min|h|times|[KMG]iB)(?!\w))")


def distinct(values: Sequence[float], most: int = 6, fewest: int = 3) -> list[str]:
    """`number` of each, in as few digits as tell those apart that differ; in `most` at most."""
    tried = [[number(value, digits) for value in values] for digits in range(fewest, most + 1)]
    return next((texts for texts in tried if len(set(texts)) == len(set(values))), tried[-1])


def spoken(setting: str) -> str:
    """A parameter or column as words, ``weight decay``; a dotted key of the study file keeps its spelling."""
    return setting if "." in setting else setting.replace("_", " ")


def unbroken(text: str) -> str:
    """No line ends between a number and its unit, or in a short setting: ``8 %``, ``model.depth = 2``."""
    return re.sub(r"(?<=\S) = (?=\S{1,8}(?!\S))", "\u00a0=\u00a0", UNITS.sub("\u00a0", text))


def count(number_of: int, noun: str, plural: str | None = None) -> str:
    """``1 trial``, ``2 trials``, ``10,000 trials``."""
    return f"{whole(number_of)} {noun if number_of == 1 else plural or noun + 's'}"


def every(number_of: int, noun: str, plural: str | None = None, *, of: str = "") -> str:
    """``the only trial``, ``both trials``, ``all 3 trials``; `of` stands before the noun: ``the other ``."""
    if number_of == 1:
        return f"the only {of}{noun}" if not of else f"the {of}{noun}"
    several = f"{of}{plural or noun + 's'}"
    return f"both {several}" if number_of == 2 else f"all {whole(number_of)} {several}"


def ordinal(number_of: int) -> str:
    """``second``, ``third``, ``4th``, ``21st``."""
    words = {2: "second", 3: "third"}
    ending = {1: "st", 2: "nd", 3: "rd"}.get(
        number_of % 10 if number_of % 100 not in (11, 12, 13) else 0, "th"
    )
    return words.get(number_of, f"{number_of:,}{ending}")


def capital(text: str) -> str:
    """With a capital at its beginning; the rest stays as it is."""
    return f"{text[0].upper()}{text[1:]}"


def ended(text: str) -> str:
    """With one full stop at its end, whatever somebody's text ends with; ``?`` and ``!`` do instead."""
    text = text.strip()
    last = text.rstrip(CLOSING)[-1:]
    return text if last in ENDS else f"{text.rstrip(',;:')}."


ENDS, CLOSING = tuple(".?!…"), "\"')]”’»"
"""What ends a sentence, and what may stand behind it."""


def listing(items: Sequence[str], last: str = "and") -> str:
    """``a, b and c``; ``a; b and c; d`` of items that hold an "and" or an "or" of their own, which would run
    into the next one."""
    if len(items) < 2:
        return "".join(items)
    if any(f" {word} " in item for item in items for word in ("and", "or")):
        return "; ".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def some_of(items: Sequence[str], most: int = 3) -> str:
    """`listing` of a few items; of more, the first ones and how many others there are."""
    if len(items) <= most + 1:
        return listing(items)
    return f"{', '.join(items[:most])} and {len(items) - most} others"


def same_on(seeds: int, noun: str = "seed") -> str:
    """Why a mean has no interval: ``one seed``, ``the same on both seeds``."""
    return f"one {noun}" if seeds == 1 else f"the same on {'both' if seeds == 2 else f'all {seeds}'} {noun}s"


def span(low: float, high: float, digits: int = 3) -> str:
    """``1.2e-4 to 9e-4``; one number where both ends read the same."""
    return " to ".join(dict.fromkeys([number(low, digits), number(high, digits)]))


def bounds(low: float, high: float) -> str:
    """``0.014 to 0.02``: of a rate or a weight, in two digits, or in as many as tell both ends apart."""
    return " to ".join(distinct([low, high], fewest=2))


def duration(seconds: float) -> str:
    """``0.8 s``, ``42 s``, ``3 min 10 s``, ``2 h 5 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s" if seconds >= 0.05 or not seconds else "less than 0.1 s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 1:
        return f"{rest} s"
    hours, left = divmod(minutes, 60)
    return f"{hours} h {left} min" if hours else f"{minutes} min {rest} s"


def about_duration(seconds: float) -> str:
    """A forecast, in one unit: ``42 s``, ``12 min``, ``1.7 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def layers(numbers: Sequence[int]) -> str:
    """``layer 3``, ``layers 0–4 and 7``: runs of neighbours are joined."""
    runs: list[list[int]] = []
    for layer in sorted(numbers):
        if runs and layer == runs[-1][-1] + 1:
            runs[-1].append(layer)
        else:
            runs.append([layer])
    spans = [f"{run[0]}" if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs]
    return f"layer{'s' if len(numbers) != 1 else ''} {listing(spans)}"


def from_to(names: Sequence[str]) -> str:
    """`` (net.0 to net.6)``: the first and the last of some names; empty for none, and for numbers alone."""
    if all(name.isdecimal() for name in names):  # places in a sequence, beside the numbers of the layers
        return ""
    return f" ({names[0]}{f' to {names[-1]}' if len(names) > 1 else ''})"


def times(decades: float) -> str:
    """Factor of 10 to the power |`decades`|: ``25 times``, ``4,000 times``, ``10⁹ times``."""
    return f"{factor(10 ** abs(decades))} times"


def signed(value: float) -> str:
    """Two decimals with their sign, ``−0.59``."""
    return ("+" if round(value, 2) >= 0 else "") + fixed(value, 2)


MISSING = ("None", "nan", "NaT", "<NA>")
"""What Python, numpy and pandas print for no value; workers need not load pandas to know."""


def shown(value: Any) -> str:
    """Any cell or setting for people: numbers in four digits, yes and no, sequences in brackets."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return f"({', '.join(map(shown, value))})"
    if not isinstance(value, str) and str(value) in MISSING:
        return "–"
    if isinstance(value, int):
        return f"{value}".replace("-", "−")
    return number(value, 4) if isinstance(value, float) else str(value)
