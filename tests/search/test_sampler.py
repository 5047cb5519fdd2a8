"""Proposals generation by generation."""

from typing import Any

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from sweeper.search import sampler
from sweeper.search.history import History
from sweeper.search.sampler import Proposer
from sweeper.study.study import Study


def test_proposals_are_worked_out_by_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the number of cores: sums come out the same to the last bit. Afterwards all is as before."""
    seen: list[int] = []

    def propose(*given: Any) -> list[Any]:
        seen.extend(library["num_threads"] for library in threadpool_info())
        return []

    monkeypatch.setattr(sampler, "propose_evenly", propose)
    proposer = Proposer("additive", Study(name="threads", search={"trials": 20}))
    with threadpool_limits(2):
        before = threadpool_info()
        proposer.propose(History(), 10, 10, lambda parameters: False)
        assert threadpool_info() == before
    assert seen
    assert set(seen) == {1}
