"""How trials are trained here: what is measured, what is chosen, and who trains with whom."""

import json
import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from equivalence import mixed, numbered, task_of
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.study.sections import ConfirmSection
from sweeper.training import reference
from sweeper.training.cohort import Cohort, singles
from sweeper.training.plan import Plan, one_by_one
from sweeper.training.planning import (
    COHORT_SECONDS,
    MIN_STEPS_TO_MEASURE,
    Measured,
    choose,
    cohorts_of,
    is_small,
    steps_of,
)
from sweeper.training.setup import Task
from sweeper.wording import number

pytestmark = pytest.mark.usefixtures("one_thread")

FUSED = Plan("fused", 16, 2, speedup=8.04, seconds_a_step=1e-4)
RRELU = "RReLU draws random slopes for the negative inputs alone"
relaxed = settings(deadline=None, max_examples=60)


# The choice


def test_the_cheapest_size_is_chosen() -> None:
    """Seconds a step and the speed-up over one by one are those of that size."""
    plan = choose([Measured(1e-3, {8: 4e-4, 16: 1e-4, 32: 2e-4})], 2, {}, "auto")
    assert plan == Plan("fused", 16, 2, speedup=1e-3 / 1e-4, seconds_a_step=1e-4)


def test_of_equally_cheap_sizes_the_smaller_one_is_chosen() -> None:
    """It takes less memory."""
    assert choose([Measured(1e-3, {64: 1e-4, 32: 1e-4, 8: 2e-4, 16: 1e-4})], 1, {}, "auto").slots == 16


def test_the_median_process_counts() -> None:
    """One process that was held up, or lucky, decides nothing; a size that one has not tried is out."""
    seen = [
        Measured(1e-3, {8: 5e-5, 16: 1e-4, 32: 1e-5}),
        Measured(2e-3, {8: 2e-4, 16: 8e-5}),
        Measured(9e-3, {8: 3e-4, 16: 9e-3}),
    ]
    plan = choose(seen, 3, {}, "auto")
    assert plan == Plan("fused", 16, 3, speedup=2e-3 / 1e-4, seconds_a_step=1e-4)


@pytest.mark.parametrize("stacked", [0.951e-3, 1e-3, 2e-3])
def test_stacks_that_are_not_clearly_faster_are_left(stacked: float) -> None:
    """Less than 5 % faster than one by one: `auto` trains one by one, and says what it saw."""
    plan = choose([Measured(1e-3, {8: 2 * stacked, 16: stacked})], 2, {"rrelu": RRELU}, "auto")
    reason = f"stacks of 16 are no faster ({number(1e-3 / stacked, 3)}×)"
    assert plan == Plan("reference", 1, 2, seconds_a_step=1e-3, reason=reason)


def test_stacks_that_are_clearly_faster_are_taken() -> None:
    """A little more than 5 % is enough."""
    assert choose([Measured(1e-3, {8: 0.949e-3})], 2, {}, "auto").engine == "fused"


def test_who_insists_on_stacks_gets_them() -> None:
    """With `fused` slower stacks are used all the same, and the speed-up told is the true one."""
    plan = choose([Measured(1e-3, {8: 2e-3})], 2, {}, "fused")
    assert plan == Plan("fused", 8, 2, speedup=1e-3 / 2e-3, seconds_a_step=2e-3)


@pytest.mark.parametrize("engine", ["auto", "fused"])
def test_activations_that_cannot_be_batched_are_kept_apart(engine: str) -> None:
    """Only those with a reason, and with it."""
    plan = choose([Measured(1e-3, {8: 1e-4})], 1, {"relu": "", "rrelu": RRELU, "tanh": ""}, engine)
    assert plan.alone == {"rrelu": RRELU}


@pytest.mark.parametrize("seen", [[{}], [{8: 1e-4}, {}], [{8: 1e-4}, {16: 1e-4}]])
def test_without_a_size_that_all_tried_there_is_no_stack(seen: list[dict[int, float]]) -> None:
    """Training one by one is all that is left."""
    plan = choose([Measured(1e-3, stacked) for stacked in seen], 2, {}, "fused")
    assert plan == one_by_one(2, "too few trials, or too little memory, for a stack")


# Told and kept

LINES = [
    (Plan("reference", 1, 1), "one by one in 1 process"),
    (Plan("reference", 1, 3, reason="too little"), "one by one in 3 processes: too little"),
    (
        Plan("fused", 32, 2, speedup=11.83),
        "32 trials a stack × 2 processes, a bare step 12 times as fast as one by one",
    ),
    (Plan("fused", 8, 1), "8 trials a stack × 1 process"),
    (
        replace(FUSED, compiled=True),
        "16 trials a stack × 2 processes, compiled, a bare step 8 times as fast as one by one",
    ),
    (
        replace(FUSED, uncompiled="no C++ compiler"),
        "16 trials a stack × 2 processes, a bare step 8 times as fast as one by one; "
        "not compiled: no C++ compiler",
    ),
    (
        replace(FUSED, alone={"rrelu": RRELU, "mine": "draws"}, uncompiled="slow"),
        "16 trials a stack × 2 processes, a bare step 8 times as fast as one by one; "
        f"rrelu one by one: {RRELU}; mine one by one: draws; not compiled: slow",
    ),
]


@pytest.mark.parametrize(("plan", "line"), LINES)
def test_a_plan_in_one_line(plan: Plan, line: str) -> None:
    """The engine, the processes, how much faster, and what is not as it might be."""
    assert plan.line() == line


@pytest.mark.parametrize("plan", [plan for plan, _ in LINES])
def test_a_plan_comes_back_from_the_records(plan: Plan) -> None:
    """Through JSON, beside keys that it does not know; the line is kept for readers."""
    kept = json.loads(json.dumps({**plan.to_dict(), "asked": {"engine": "auto", "jobs": 2}}))
    assert Plan.from_dict(kept) == plan
    assert kept["line"] == plan.line()


# How much there is to train


def with_confirmations(task: Task, finalists: int, seeds: int) -> Task:
    """The task of a study that confirms so much."""
    confirm = ConfirmSection(finalists=finalists, seeds=seeds)
    return Task(task.study.model_copy(update={"confirm": confirm}), task.data)


@pytest.mark.parametrize(
    ("trials", "finalists", "seeds", "little"),
    [(299, 0, 0, True), (300, 0, 0, False), (200, 9, 11, True), (200, 10, 10, False), (1, 0, 99, True)],
)
def test_little_to_train(trials: int, finalists: int, seeds: int, little: bool) -> None:
    """Trainings of search and confirmation, times their 10 steps, are fewer than 3000."""
    assert MIN_STEPS_TO_MEASURE == 3000
    task = with_confirmations(task_of(steps=10, search={"trials": trials}), finalists, seeds)
    assert is_small(task) is little


@pytest.mark.parametrize("batch_size", [7, 16, 1000, "full"])
def test_the_steps_of_a_trial_are_those_it_takes(batch_size: int | str) -> None:
    """As many as the reference engine makes in so many epochs, whatever the study's own length."""
    task = task_of(model="linear", evaluations=1)
    (trial,) = numbered([{"training.epochs": 3, "training.batch_size": batch_size}])
    assert steps_of(task, trial) == reference.train(task, trial).steps


def test_the_steps_of_a_trial_on_data_that_came_split() -> None:
    """An epoch passes over the rows that the data give for training, not over the study's share of all."""
    task = task_of(model="linear", evaluations=1)
    rows = np.arange(len(task.data.inputs))
    fixed = {"train": rows[::2], "validation": rows[1::4], "test": rows[3::4]}
    split = Task(task.study, replace(task.data, fixed=fixed))
    (trial,) = numbered([{"training.epochs": 4, "training.batch_size": 8}])
    assert steps_of(split, trial) == 4 * (len(rows[::2]) // 8) == reference.train(split, trial).steps


# Cohorts


def seconds_of(task: Task, cohort: Cohort, plan: Plan) -> float:
    """How long a cohort takes by the plan."""
    return plan.seconds_a_step * sum(steps_of(task, trial) for trial in cohort.trials)


SHAPES = [{"model.width": 4}, {"model.width": 8}, {"training.batch_size": 8}]
TASK = task_of(steps=1000)


@relaxed
@given(
    number=st.integers(1, 150),
    processes=st.integers(1, 8),
    slots=st.integers(2, 64),
    seconds=st.floats(1e-6, 1e-2),
    different=st.integers(1, 3),
    alone=st.sets(st.sampled_from(["rrelu", "gelu", "relu"])),
    compiled=st.booleans(),
)
def test_cohorts_hold_every_trial_once(
    number: int,
    processes: int,
    slots: int,
    seconds: float,
    different: int,
    alone: set[str],
    compiled: bool,
) -> None:
    """One shape each, none longer than planned, no empty slots; what cannot be batched trains alone."""
    plan = Plan("fused", slots, processes, 8.0, seconds, dict.fromkeys(alone, "why"), compiled=compiled)
    trials = mixed(number, SHAPES[:different])
    cohorts = cohorts_of(plan, TASK, trials)
    assert sorted(t.number for cohort in cohorts for t in cohort.trials) == list(range(number))
    for cohort in cohorts:
        batched = {t.parameters["activation"] in alone for t in cohort.trials} == {False}
        if not batched:
            assert (len(cohort.trials), cohort.engine, cohort.slots) == (1, "reference", 1)
            continue
        assert cohort.engine == ("compiled" if compiled else "fused")
        assert 1 <= cohort.slots <= min(1.5 * slots, len(cohort.trials))
        rounds = math.ceil(len(cohort.trials) / cohort.slots)
        assert rounds * cohort.slots - len(cohort.trials) < rounds, "stacks are full to the end"
        shape = {
            (t.parameters.get("model.width"), t.parameters.get("training.batch_size")) for t in cohort.trials
        }
        assert len(shape) == 1
        assert seconds_of(TASK, cohort, plan) < 2 * COHORT_SECONDS or len(cohort.trials) <= 4


@pytest.mark.parametrize(("seconds", "portions"), [(1e-5, 2), (1e-4, 2), (1e-3, 10), (2e-3, 20)])
def test_every_process_gets_portions_of_about_ten_seconds(seconds: float, portions: int) -> None:
    """100 trials of 1000 steps on two processes: one each if that is short, else total / 10 s in all."""
    plan = replace(FUSED, seconds_a_step=seconds)
    cohorts = cohorts_of(plan, TASK, mixed(100))
    assert len(cohorts) == portions
    lengths = [seconds_of(TASK, cohort, plan) for cohort in cohorts]
    assert max(lengths) == pytest.approx(100e3 * seconds / portions, rel=0.2)


def test_stacks_stretch_a_little_rather_than_leave_a_few_trials_behind() -> None:
    """25 trials for a process are one stack, not 20 and then 5; 40 are two of 20."""
    task = task_of(space={"activation": ["relu", "tanh"]})
    plan = Plan("fused", 20, 2, seconds_a_step=1e-6)
    for trials_in_all, slots in ((50, 25), (80, 20), (60, 15)):
        trials = numbered([{"activation": ["relu", "tanh"][k % 2]} for k in range(trials_in_all)])
        assert [c.slots for c in cohorts_of(plan, task, trials)] == [slots] * 2


def test_no_process_trains_a_stack_of_one() -> None:
    """Slow trials are dealt in twos at least, few trials to few processes."""
    cohorts = cohorts_of(replace(FUSED, processes=8, seconds_a_step=1.0), TASK, mixed(6))
    assert [len(cohort.trials) for cohort in cohorts] == [2, 2, 2]


@pytest.mark.parametrize(("compiled", "engine"), [(True, "compiled"), (False, "fused")])
def test_cohorts_of_a_compiled_plan_are_compiled(compiled: bool, engine: str) -> None:
    """The plan's engine, but for those that train one by one."""
    plan = replace(FUSED, compiled=compiled, alone={"rrelu": RRELU})
    engines = {
        t.parameters["activation"]: cohort.engine
        for cohort in cohorts_of(plan, TASK, mixed(24))
        for t in cohort.trials
    }
    assert engines == {"rrelu": "reference", **dict.fromkeys(["relu", "tanh", "gelu"], engine)}


def test_every_process_gets_as_many_of_each_activation_where_steps_are_compiled() -> None:
    """What takes longer at high learning rates, or diverges there, holds no process up more than another."""
    cohorts = cohorts_of(replace(FUSED, compiled=True), TASK, mixed(24))
    first, second = (Counter(t.parameters["activation"] for t in cohort.trials) for cohort in cohorts)
    assert all(abs(first[name] - second[name]) <= 1 for name in first | second)
    assert sum(first.values()) == sum(second.values()) == 12


def test_a_plan_without_stacks_gives_single_trials() -> None:
    """In their order, for the reference engine."""
    trials = mixed(5, SHAPES)
    assert cohorts_of(one_by_one(2, "why"), TASK, trials) == singles(trials)


def test_each_kind_of_machine_has_its_own_stacks() -> None:
    """The cheapest there; a cohort takes that of its machine; its trials stay the same."""
    old = [Measured(1.0, {8: 0.1, 16: 0.3}, "old")] * 2
    new = [Measured(1.0, {8: 0.1, 16: 0.05}, "new")] * 3
    plan = choose([*old, *new], 5, {}, "auto")
    assert (plan.slots, plan.slots_of) == (16, {"old": 8, "new": 16})
    assert "16 on new; 8 on old" in plan.line()
    assert Plan.from_dict(plan.to_dict()) == plan
    assert choose(new, 3, {}, "auto").slots_of == {}
    quick = replace(plan, processes=1, seconds_a_step=1e-6)
    (cohort,) = cohorts_of(quick, TASK, mixed(32, SHAPES[:1]))
    assert [cohort.slots_on(kind) for kind in ("old", "new", "unknown")] == [8, 16, 16]
