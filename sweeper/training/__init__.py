"""Trials to results: `reference.py` says what is correct, `stacked/` trains many as one, `pool/` is where."""
