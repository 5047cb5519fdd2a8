"""PruningRule: who is given up when, against the definition."""

from dataclasses import replace

import numpy as np
import pytest
from made_up import known
from scipy.stats import wilcoxon

from sweeper.search.pruner import ENOUGH, PrunerState
from sweeper.search.trial_summary import TrialSummary
from sweeper.trial import Outcome, PruningRule

STEPS = list(range(0, 101, 10))


def trial(number: int, curve: dict[int, float], outcome: Outcome = Outcome.COMPLETED) -> TrialSummary:
    """A finished trial with this curve."""
    steps = max(curve, default=0)
    return TrialSummary(
        number, "explore", {}, outcome, min(curve.values(), default=np.nan), steps, 0.1, "", curve
    )


def pruner_state(curves: list[dict[int, float]]) -> PrunerState:
    """Completed trials with these curves."""
    found = PrunerState()
    for number, curve in enumerate(curves):
        found.add(trial(number, curve, Outcome.COMPLETED if max(curve) == 100 else Outcome.PRUNED))
    return found


def random_curves(count: int) -> list[dict[int, float]]:
    """Curves that go up and down."""
    generator = np.random.default_rng(0)
    return [dict(zip(STEPS, generator.random(len(STEPS)).tolist(), strict=True)) for _ in range(count)]


def best_until(curve: dict[int, float], step: int) -> float:
    """Lowest objective up to `step`."""
    return min(value for at, value in curve.items() if at <= step)


def test_halving_keeps_the_better_half_twice() -> None:
    """Limits stand at a quarter and a half: the median of the best-so-far of all who reached them."""
    curves = random_curves(21)
    rule = pruner_state(curves).rule("halving")
    assert sorted(rule.limits) == [30, 50]  # 25 lies between two evaluation points: the later one
    for step, limit in rule.limits.items():
        assert limit == np.median([best_until(curve, step) for curve in curves])


def test_median_has_a_limit_at_every_point_after_a_quarter() -> None:
    """From 1/4 on, before the last point."""
    curves = random_curves(12)
    rule = pruner_state(curves).rule("median")
    assert sorted(rule.limits) == [30, 40, 50, 60, 70, 80, 90]
    assert rule.limits[70] == np.median([best_until(curve, 70) for curve in curves])


def test_a_limit_counts_those_alone_who_reached_it() -> None:
    """At a half of the training, halving compares with the survivors of the quarter."""
    curves = random_curves(30)
    cut = [{s: v for s, v in curve.items() if s <= 30} if n % 2 else curve for n, curve in enumerate(curves)]
    rule = pruner_state(cut).rule("halving")
    assert rule.limits[50] == np.median([best_until(curve, 50) for curve in curves[::2]])


@pytest.mark.parametrize("kind", ["halving", "median"])
def test_trials_proposed_near_the_best_do_not_raise_the_bar(kind: str) -> None:
    """Limits are those of the explored trials, whatever exploited ones reached."""
    curves = random_curves(20)
    plain, found = pruner_state(curves), pruner_state(curves)
    for number in range(20, 40):
        better = trial(number, {step: -1.0 for step in STEPS})
        found.add(replace(better, phase="exploit"))
    assert found.rule(kind).limits == plain.rule(kind).limits != {}


@pytest.mark.parametrize("kind", ["halving", "median", "wilcoxon"])
def test_nobody_is_pruned_before_enough_is_known(kind: str) -> None:
    """With one trial less there is no limit and no leader."""
    assert pruner_state(random_curves(ENOUGH - 1)).rule(kind) == PruningRule()
    assert pruner_state(random_curves(ENOUGH)).rule(kind) != PruningRule()


def test_diverged_and_failed_trials_do_not_count() -> None:
    """They neither lower nor raise a limit."""
    curves = random_curves(ENOUGH)
    found = pruner_state(curves)
    found.add(trial(98, {0: 1.0, 10: 50.0}, Outcome.DIVERGED))
    found.add(trial(99, {}, Outcome.FAILED))
    assert found.rule("median") == pruner_state(curves).rule("median")


def test_trials_of_unlike_lengths_are_not_compared() -> None:
    """When the length of the training is searched, nothing is pruned."""
    curves = random_curves(20)
    short = {step: value for step, value in curves[0].items() if step <= 50}
    found = pruner_state(curves)
    found.add(trial(20, short, Outcome.COMPLETED))
    assert found.rule("halving") == PruningRule()


def test_none_never_prunes() -> None:
    """The pruner `none` has no limits."""
    assert pruner_state(random_curves(50)).rule("none") == PruningRule()


def test_a_trial_above_the_limit_ends_at_the_rung_and_nowhere_else() -> None:
    """Its best value so far counts, and only at a step that is a rung."""
    rule = PruningRule(limits={50: 1.0})
    assert rule.prunes({0: 1.2, 50: 1.1})
    assert not rule.prunes({0: 0.9, 50: 1.1})
    assert not rule.prunes({0: 1.2, 40: 1.1})
    assert not rule.prunes({})


def test_wilcoxon_compares_with_the_leader_point_by_point() -> None:
    """A trial ends when the signed-rank test says that it lies above the best trial's curve."""
    curves = random_curves(20)
    rule = pruner_state(curves).rule("wilcoxon")
    leader = min(curves, key=lambda curve: min(curve.values()))
    assert rule.leader == leader
    assert rule.warm_up == 30
    for shift in (-0.5, 0.05, 0.1, 0.2, 0.3, 1.0):
        steps = STEPS[:8]
        values = [curves[3][step] + shift for step in steps]
        expected = wilcoxon(
            [v - leader[s] for s, v in zip(steps, values, strict=True)], alternative="greater"
        )
        assert rule.prunes(dict(zip(steps, values, strict=True))) == (expected.pvalue < 0.05), shift


def test_wilcoxon_waits_for_enough_points() -> None:
    """Five pairs cannot be significant, and equal curves are no reason."""
    rule = PruningRule(leader=dict.fromkeys(STEPS, 0.0), warm_up=30)
    assert not rule.prunes(dict.fromkeys(STEPS[:3], 1.0))
    assert not rule.prunes(dict.fromkeys(STEPS[:5], 1.0))
    assert rule.prunes(dict.fromkeys(STEPS[:6], 1.0))
    assert not rule.prunes(dict.fromkeys(STEPS[:8], 0.0))


def test_a_curve_of_a_formula_is_remembered() -> None:
    """`known` of the helper and `PrunerState` agree on what a completed trial looks like."""
    found = PrunerState()
    for number in range(ENOUGH):
        found.add(known(number, {}, 0.5))
    assert found.rule("halving").limits == {30: pytest.approx(1.2), 50: pytest.approx(1.0)}
