"""Nasty CSV files against a pipeline of pandas and scikit-learn, written from docs/tabular.md alone."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from sweeper.data.cells import categories, plain
from sweeper.data.column_words import drop_lines
from sweeper.data.keys import Keys
from sweeper.data.load import load
from sweeper.data.splits import rows_of_parts, split

N, SHARES = 200, (0.6, 0.2, 0.2)
GAPS = ["", "NA", "n/a", "NaN", "null", "None", "?", "#N/A", "<NA>"]
TRUTH = {"yes": 1.0, "y": 1.0, "1": 1.0, "no": 0.0, "false": 0.0}
CITIES = ["Graz", "graz", " Zug ", 'a "q", b', "two\nlines", "Köln"]


def table(seed: int, comma: str) -> pd.DataFrame:
    """Text as it stands in the file: gaps in all spellings, dates with zones, columns in any order."""
    draw = np.random.default_rng(seed)

    def with_gaps(cells: list[str]) -> list[str]:
        return [str(draw.choice(GAPS)) if draw.random() < 0.15 else cell for cell in cells]

    days, months, hours = draw.integers(1, 29, N), draw.integers(1, 13, N), draw.integers(0, 24, N)
    zones = draw.choice(["Z", "+05:30", "-08:00"], N)
    columns = {
        "n": with_gaps([f"{value:.6g}".replace(".", comma) for value in draw.normal(0, 1e3, N)]),
        "city": with_gaps(list(np.array(CITIES, dtype=object)[draw.integers(0, len(CITIES), N)])),
        "shop": [f"k {value}" for value in draw.integers(0, 40, N)],
        "flag": with_gaps(list(draw.choice(["Yes", "no", "Y", "FALSE", "1"], N))),
        "day": with_gaps([f"{d:02}.{m:02}.{1990 + h}" for d, m, h in zip(days, months, hours, strict=True)]),
        "at": [
            f"2024-{m:02}-{d:02}T{h:02}:30:00{z}"
            for m, d, h, z in zip(months, days, hours, zones, strict=True)
        ],
        "y": list(draw.choice(["a", "b"], N)),
    }
    return pd.DataFrame(columns)[list(draw.permutation(list(columns)))]


def encoded(raw: pd.DataFrame, parts: tuple[np.ndarray, ...], comma: str, embeds: bool) -> list[np.ndarray]:
    """The inputs of each part, fitted on the first."""
    missing = raw.map(lambda cell: cell.strip().lower() in {gap.lower() for gap in GAPS})
    text, cells = raw.map(str.strip), pd.DataFrame(index=raw.index)
    numbers: list[str] = []
    for name in raw:
        known = text[name].where(~missing[name])
        if name == "n":
            cells["n"] = known.str.replace(comma, ".").astype(float)
            numbers.append("n")
        elif name == "flag":
            cells["flag"] = known.str.lower().map(TRUTH).astype(float)
            numbers.append("flag")
        elif name in ("day", "at"):
            form = {"format": "%d.%m.%Y"} if name == "day" else {"utc": True}
            stamps = pd.to_datetime(known, **form).dt.tz_localize(None)
            since = (stamps - pd.Timestamp(0)) / pd.Timedelta(days=1)
            clock = stamps.dt
            made = [clock.year, clock.month, clock.day, clock.day_of_week, since]
            made += [clock.hour, clock.minute] if name == "at" else []
            cells = cells.assign(**{f"{name}{k}": part.astype(float) for k, part in enumerate(made)})
            numbers += [f"{name}{k}" for k in range(len(made))]
        else:
            cells[name] = known.fillna("\uffff")  # what is missing comes last
    flags = [name for name in raw if name in ("n", "flag", "day")]
    cells = cells.assign(**{f"gap {name}": missing[name].astype(float) for name in flags})
    train = cells.iloc[parts[0]]
    shares = train["shop"].value_counts(normalize=True)
    cells["share"] = cells["shop"].map(shares).fillna(0.0)
    train = cells.iloc[parts[0]]
    pipeline = ColumnTransformer(
        [
            ("n", SimpleImputer(strategy="median"), numbers),
            *([] if embeds else [("f", "passthrough", ["share"])]),
            ("g", "passthrough", [f"gap {name}" for name in flags]),
            ("o", OneHotEncoder(sparse_output=False), ["city"]),
            *(
                [("c", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), ["shop"])]
                * embeds
            ),
        ]
    ).fit(train)
    scaled = len(numbers) + (not embeds)
    scaler = StandardScaler().fit(pipeline.transform(train)[:, :scaled])
    found = []
    for rows in parts:
        x = pipeline.transform(cells.iloc[rows])
        x[:, :scaled] = scaler.transform(x[:, :scaled])
        x[:, -1] += embeds  # 0 is for values of other rows alone
        found.append(x)
    return found


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("separator", "comma"), [(",", "."), (";", ",")])
def test_rows_and_codes_are_those_of_the_pipeline(
    seed: int, separator: str, comma: str, tmp_path: Path
) -> None:
    """Training, validation and test rows in every column, with a byte order mark and all cells quoted too."""
    raw, file, embeds = table(seed, comma), tmp_path / "t.csv", bool(seed)
    raw.to_csv(file, sep=separator, index=False, encoding="utf-8-sig" if embeds else "utf-8", quoting=seed)
    data = load(str(file), target="y", loss_task="classification", keys=Keys(embeds=embeds))
    rows = rows_of_parts(data, SHARES, seed=seed, test_seed=0)
    parts = split(data, SHARES, seed=seed, test_seed=0, standardize=True)
    wanted = encoded(raw, rows, comma, embeds)
    for x, expected in zip((parts.x_train, parts.x_validation, parts.x_test), wanted, strict=True):
        np.testing.assert_allclose(x, expected, rtol=1e-9, atol=1e-9)


def test_codes_that_are_written_otherwise_are_other_categories() -> None:
    """Leading zeros, exponents, digits beyond those of a float; a point without decimals makes no other."""
    large = ["9007199254740993", "9007199254740992"]
    words = ["01234", "1234", "1e3", "1000", "0100", "100", "100.0", "0.50", "0.5", *large]
    raw, values = categories(words)
    assert values == ["0.5", "0100", "100", "1000", "1e3", "01234", "1234", *sorted(large)]
    assert [values[int(code)] for code in raw[:, 0]] == [*words[:6], "100", "0.5", "0.5", *large]


def test_moments_of_a_zone_are_those_of_a_file_with_offsets() -> None:
    """Rows around the end of summer time keep their order, and hours are those of UTC."""
    moments = pd.date_range("2024-10-27 00:00", periods=8, freq="30min", tz="Europe/Berlin")
    read = plain(pd.Series(moments))
    assert list(read) == list(moments.tz_convert("UTC").tz_localize(None))
    assert read.is_monotonic_increasing
    assert list(plain(pd.Series(moments.tz_localize(None)))) == list(moments.tz_localize(None))


@pytest.mark.parametrize(
    ("odd", "share", "told"), [("-", 0.2, True), ("(1234)", 0.3, True), ("-", 0.6, False), ("", 0.3, False)]
)
def test_numbers_among_which_others_stand_are_told_and_not_to_be_dropped(
    tmp_path: Path, odd: str, share: float, told: bool
) -> None:
    """A mark for what is missing makes text of a column; it is no id, and worth more than to be left out."""
    drawn = np.random.default_rng(0)
    cells = [odd if drawn.random() < share else f"{drawn.normal():.6f}" for _ in range(200)]
    file = tmp_path / "t.csv"
    file.write_text("a,b,y\n" + "\n".join(f"{cell},{k % 7},{k % 2}" for k, cell in enumerate(cells)))
    data = load(str(file), target="y")
    said = f"read as text, though most of it are numbers: {odd!r} is none"
    assert data.columns[0].note.startswith(said) is told
    assert drop_lines(data) == []
