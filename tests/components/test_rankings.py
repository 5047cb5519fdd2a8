"""Rankings: ties share their places."""

import torch

from sweeper.components.rankings import column_auc, ties


def test_rows_of_equal_score_share_their_place() -> None:
    """First and last place of each run of equal scores, in ascending order."""
    order, first, last = ties(torch.tensor([[2.0], [1.0], [2.0], [3.0]]))
    assert order[:, 0].tolist() in ([1, 0, 2, 3], [1, 2, 0, 3])
    assert (first[:, 0].tolist(), last[:, 0].tolist()) == ([0, 1, 1, 3], [0, 2, 2, 3])


def test_a_constant_score_ranks_nothing() -> None:
    """Every pair is a tie, which counts half."""
    assert column_auc(torch.zeros(5, 1), torch.tensor([[1], [0], [0], [1], [0]])).item() == 0.5
