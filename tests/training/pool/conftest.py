"""The pools themselves are tested with workers that start as in a sweep."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def _cold(cold_workers: None) -> None:
    """For every test of this folder."""
