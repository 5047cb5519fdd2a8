"""A column of a table: what it is, and the inputs that it becomes."""

from dataclasses import dataclass

KINDS = ("number", "boolean", "category", "one_hot", "codes", "frequency", "date", "datetime", "drop")
"""What the study may say of a column; of dates also with their format: ``date %d.%m.%Y``."""
DATE_PARTS = ("year", "month", "day", "weekday", "days", "hour", "minute")
"""Of a date; `days` are those since 1970."""
SAME = "the same value in every row"
"""Why a constant column is useless; its value follows."""
EMPTY = "empty: not one value"


@dataclass(frozen=True)
class Column:
    """What a column is and becomes."""

    name: str
    kind: str
    """number | boolean | date | datetime | one_hot | codes | frequency"""
    gaps: int = 0
    """Cells where a value is missing."""
    values: tuple[str, ...] = ()
    """Of a category, in sorted order, without what is missing."""
    form: str = ""
    """Of dates their format, empty for ISO 8601; ``,`` of decimal commas; ``words`` such as yes and no."""
    note: str = ""
    """How its cells are read, where people may mean something else."""
    useless: str = ""
    """Why it may be left out: an id, free text, a constant; empty where it may be of use."""
    is_constant: bool = False
    """Whether it has one value, in every row."""

    @property
    def how(self) -> str:
        """The argument of `as_numbers`."""
        kind = "category" if self.kind in ("one_hot", "codes", "frequency") else self.kind
        if self.kind == "boolean" and not self.form:
            return "number"
        return f"{kind} {self.form}".strip()

    @property
    def size(self) -> int:
        """Values of a category; what is missing is one."""
        return len(self.values) + (self.gaps > 0)

    @property
    def width(self) -> int:
        """Columns of `as_numbers`."""
        return {"date": 5, "datetime": 7}.get(self.kind, 1)

    @property
    def names(self) -> list[str]:
        """Of the inputs that it becomes, but for the flag of its gaps."""
        if self.kind == "one_hot":
            return [f"{self.name}={value}" for value in (*self.values, *["missing"] * (self.gaps > 0))]
        return [f"{self.name} {part}" for part in DATE_PARTS[: self.width]] if self.width > 1 else [self.name]
