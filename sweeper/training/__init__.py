"""3 trained: trials -> results. `reference.py` defines what is correct; `workers.py` runs it in parallel."""
