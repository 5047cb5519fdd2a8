"""Scores of a ranking: how far rows of a class stand above the others. Equal to scikit-learn's."""

import torch
from torch import Tensor


def two_class_auc(output: Tensor, target: Tensor) -> Tensor:
    """`column_auc` of class 1 by the difference of two logits; output (n, 2), target (n,) of 0 and 1."""
    return column_auc(output[:, 1:] - output[:, :1], target[:, None] == 1).mean()


def ovr_auc(output: Tensor, target: Tensor) -> Tensor:
    """Mean over classes of `column_auc`, class against the rest, by softmax in float64."""
    classes = torch.arange(output.shape[1], device=output.device)
    return column_auc(output.double().softmax(dim=1), target[:, None] == classes).mean()


def label_auc(output: Tensor, target: Tensor) -> Tensor:
    """Mean over columns of `column_auc`; output and target (n, k), rows of 0.5 and more are positive."""
    return column_auc(output.reshape(target.shape), target >= 0.5).mean()


def two_class_average_precision(output: Tensor, target: Tensor) -> Tensor:
    """`column_precision` of class 1 by the difference of two logits; output (n, 2), target (n,)."""
    return column_precision(output[:, 1:] - output[:, :1], target[:, None] == 1).mean()


def ovr_average_precision(output: Tensor, target: Tensor) -> Tensor:
    """Mean over classes of `column_precision`, class against the rest, by softmax in float64."""
    classes = torch.arange(output.shape[1], device=output.device)
    return column_precision(output.double().softmax(dim=1), target[:, None] == classes).mean()


def label_average_precision(output: Tensor, target: Tensor) -> Tensor:
    """Mean over columns of `column_precision`; (n, k) both, targets of 0.5 and more are positive."""
    return column_precision(output.reshape(target.shape), target >= 0.5).mean()


def column_auc(scores: Tensor, positive: Tensor) -> Tensor:
    """P(score of a positive row > that of a negative one), ties counted half, of each column: (k,).

    Mann and Whitney's U / (positives · negatives), from ranks. NaN where a column has one kind of rows alone.
    Both arguments are (n, k); nothing depends on values but values, so it can be batched.
    """
    rows = scores.shape[0]
    order, first, last = ties(scores)
    ranks = (first + last).double() / 2 + 1
    hits = positive.double().gather(0, order)
    total = hits.sum(dim=0)
    above = (ranks * hits).sum(dim=0) - total * (total + 1) / 2
    return above / (total * (rows - total))


def column_precision(scores: Tensor, positive: Tensor) -> Tensor:
    """Average precision of each column, Σ (Rₙ − Rₙ₋₁) Pₙ over its distinct scores from above: (k,).

    That is the mean over positive rows of the share of positives among all rows of their score and more. NaN
    where a column has no positive row.
    """
    order, first, _ = ties(scores)
    hits = positive.double().gather(0, order)
    total = hits.sum(dim=0)
    before = torch.cat([torch.zeros_like(hits[:1]), hits.cumsum(dim=0)[:-1]])
    hits_above = total - before.gather(0, first)
    precision = hits_above / (scores.shape[0] - first)
    return (precision * hits).sum(dim=0) / total


def random_precision(positive: Tensor) -> Tensor:
    """Mean of `column_precision` over all orders of the rows, of each column; `positive` is (n, k).

    (Hₙ / n) · (n − P) / (n − 1) + (P − 1) / (n − 1) with P positive rows and Hₙ = Σ 1/i: above their share
    P / n, the more so the fewer rows there are (Bestgen 2015). NaN where a column has no positive row.
    """
    rows, total = positive.shape[0], positive.double().sum(dim=0)
    if rows == 1:
        return total / total
    harmonic = (1 / torch.arange(1, rows + 1, dtype=torch.float64)).sum()
    found = harmonic / rows * (rows - total) / (rows - 1) + (total - 1) / (rows - 1)
    return torch.where(total > 0, found, torch.nan)


def ties(scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Ascending order of each column, and for each place in it the first and the last of equal score."""
    ordered, order = scores.sort(dim=0, stable=True)
    index = torch.arange(scores.shape[0], device=scores.device)[:, None].expand_as(scores)
    new = ordered[1:] != ordered[:-1]
    edge = torch.ones_like(ordered[:1], dtype=torch.bool)
    first = torch.where(torch.cat([edge, new]), index, 0).cummax(dim=0).values
    ends = torch.where(torch.cat([new, edge]), index, scores.shape[0] - 1)
    last = ends.flip(0).cummin(dim=0).values.flip(0)
    return order, first, last
