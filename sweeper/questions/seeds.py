"""What a fresh seed draws in a run, and how its rows were split."""

from sweeper.questions.run_data import RunData
from sweeper.study.data_keys import GIVEN, GROUPS, RANDOM, STRATIFIED, TIME
from sweeper.wording import listing, percent, shown

ALL = "initial weights, batch order and, unless the data came split or are split by time, split"
"""What a seed draws where nothing is known of the run."""
WEIGHTS, ORDER, SPLIT = "initial weights", "batch order", "split"


def draws(run: RunData) -> str:
    """What differs from seed to seed, as far as it is on record."""
    how, full = split_of(run), run.study.training.batch_size == "full"
    drawn = (
        [WEIGHTS] if full and "training.batch_size" not in run.study.space.parameters else [WEIGHTS, ORDER]
    )
    if not how:
        return listing([*drawn, f"(unless the data came split) {SPLIT}"])
    return listing(drawn if how in (TIME, GIVEN) else [*drawn, SPLIT])


def split_of(run: RunData) -> str:
    """How rows were split; empty where it is not on record and the study does not say."""
    data = run.study.data
    return run.split or (TIME if data.time else GROUPS if data.group else "")


def split_in_words(run: RunData) -> str:
    """The same for people, with what each part has; empty where it is not known."""
    data, how = run.study.data, split_of(run)
    shares = " : ".join(percent(share) for share in data.split)
    if how == GIVEN:
        return "as the data came, the same for every seed"
    if how == TIME:
        parts = f"training, validation and test rows, {shares}"
        return f"by {shown(data.time)}, in order: {parts}; the same for every seed"
    kept = "the test rows are the same for every seed" if data.split[2] > 0 else "no test rows"
    if how == GROUPS:
        by = shown(data.group) if data.group else "groups"
        return f"at random by {by}, rows of one value together: {shares} of these values; {kept}"
    if how in (RANDOM, STRATIFIED):
        alike = f"value of {shown(data.stratify)}" if isinstance(data.stratify, str) else "class"
        each = f", each {alike} with about the same share in every part" if how == STRATIFIED else ""
        return f"at random into training, validation and test rows, {shares}{each}; {kept}"
    return ""
