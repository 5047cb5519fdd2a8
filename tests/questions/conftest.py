"""What sentences of several questions are made of."""

import pytest
from report_inputs import Asked, asked_of, made_input
from synthetic_records import SyntheticRecords


@pytest.fixture(scope="module")
def asked(records: SyntheticRecords) -> Asked:
    """All tables of the made-up study."""
    return asked_of(made_input(records))
