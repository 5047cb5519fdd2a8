"""How thorough tests are: a representative part of each in the suite, all of it where SWEEPER_SOAK is set."""

import os

import pytest

SOAK = bool(os.environ.get("SWEEPER_SOAK"))
"""Whether this is ``make soak``."""
patient = pytest.mark.timeout(7200 if SOAK else 900)
"""For tests that take hours there."""
