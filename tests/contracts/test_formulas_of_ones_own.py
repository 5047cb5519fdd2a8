"""What is added to a registry has a line of its own in the table that holds it against a formula."""

from collections.abc import Collection

import pytest

from sweeper.components.initializers import INITIALIZERS
from sweeper.components.losses import LOSSES
from sweeper.components.models import MODELS
from sweeper.components.penalties import PENALTIES
from sweeper.data.sources import DATASETS
from tests.components.test_initializers import VARIANCE
from tests.components.test_losses import FORMULAS, PENALTY_FORMULAS
from tests.components.test_models import HIDDEN
from tests.data.test_datasets import SIZES

TABLES: dict[str, tuple[Collection[str], Collection[str]]] = {
    "VARIANCE of tests/components/test_initializers.py": (VARIANCE, INITIALIZERS),
    "FORMULAS of tests/components/test_losses.py": (FORMULAS, LOSSES),
    "PENALTY_FORMULAS of tests/components/test_losses.py": (PENALTY_FORMULAS, PENALTIES),
    "HIDDEN of tests/components/test_models.py": (HIDDEN, MODELS),
    "SIZES of tests/data/test_datasets.py": (SIZES, DATASETS),
}


@pytest.mark.parametrize("table", TABLES)
def test_every_entry_has_its_line(table: str) -> None:
    """The message says what is missing, and where."""
    lines, registry = TABLES[table]
    assert set(lines) == set(registry), f"{table} lacks or has too many of {set(lines) ^ set(registry)}"
