"""How many trials a statement about settings takes."""

IMPORTANCES = 20
"""Trials below which no importance of a setting is stated; half of them need a score."""
MANY = 500
"""Trials above which importances take every k-th of them alone: shares no longer change."""


def every_nth(trials: int) -> int:
    """Of so many trials importances take the first and every so-manieth after it, `MANY` at most."""
    return 1 + trials // MANY
