"""What is told of a study's data before anything is trained."""

from sweeper.data.column_words import column_lines, item_lines
from sweeper.data.copies import copy_lines
from sweeper.data.splits import rows_of_parts
from sweeper.training.setup import Task
from sweeper.wording import count


def data_lines(task: Task) -> list[str]:
    """Sentences without a full stop: columns, items, copies of rows, batches of all rows."""
    data, study = task.data, task.study
    split = data, study.data.split, study.search.seed
    lines = [*column_lines(*split), *item_lines(data, study.data.standardize), *copy_lines(*split)]
    return lines + _whole_batches(task)


def _whole_batches(task: Task) -> list[str]:
    """Batch sizes that are larger than the training part."""
    study, seed = task.study, task.study.search.seed
    train, *_ = rows_of_parts(task.data, study.data.split, seed=seed, test_seed=seed)
    searched = study.space.entries.get("training.batch_size")
    sizes = [study.training.batch_size] if searched is None else list(searched.values or ())
    rows = count(len(train), "training row")
    return [
        f"training.batch_size = {size} is more than the {rows}: every step takes all of them"
        for size in sizes
        if size != "full" and int(size) > len(train)
    ]
