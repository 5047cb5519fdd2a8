"""Tables of text, categories, dates, truth values and gaps, as files."""

from pathlib import Path

import numpy as np
import pandas as pd

ROWS = 120


def write_messy(folder: Path) -> None:
    """``sales.csv`` (commas) and ``verkauf.csv`` (semicolons, decimal commas, German dates)."""
    draw = np.random.default_rng(0)
    days = pd.to_datetime("2023-01-01") + pd.to_timedelta(draw.permutation(ROWS), unit="D")
    shop = draw.choice([f"shop {k}" for k in range(25)], ROWS)
    age = np.where(draw.random(ROWS) < 0.2, np.nan, draw.normal(40, 9, ROWS).round(1))
    city = np.where(draw.random(ROWS) < 0.1, "", draw.choice(["Graz", "Bonn, Süd", "Zug"], ROWS))
    member, kind = draw.choice(["yes", "no"], ROWS), draw.choice(["new", "used"], ROWS)
    sales = pd.DataFrame({"id": range(ROWS), "age": age, "city": city, "sold": days, "shop": shop})
    sales = sales.assign(member=member, house=np.arange(ROWS) // 4, kind=kind)
    sales.to_csv(folder / "sales.csv", index=False)
    length = [f"{value:.2f}".replace(".", ",") for value in draw.normal(5, 2, ROWS)]
    price = [
        f"{1000 + 10 * k:,.1f}".replace(",", "'").replace(".", ",").replace("'", ".") for k in range(ROWS)
    ]
    german = pd.DataFrame({"Länge": length, "Preis": price, "Datum": days.strftime("%d.%m.%Y")})
    german.assign(neu=draw.choice(["ja", "nein"], ROWS)).to_csv(folder / "verkauf.csv", sep=";", index=False)
