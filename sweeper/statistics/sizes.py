"""How many trials a statement about settings takes."""

IMPORTANCES = 20
"""Trials below which no importance of a setting is stated; half of them need a score."""
