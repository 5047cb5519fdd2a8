"""What a worker process does once, before its first call."""

import warnings
from functools import cache

from sweeper.loading import loading
from sweeper.memory import collect_rarely, keep_freed_memory


@cache
def initialize_worker() -> None:
    """Import what every training needs, take one thread, and spare the garbage collector what stays.

    The imports stand here because a driver starts its workers before it imports anything heavy itself. loky
    calls the collector after calls, and that takes a tenth of a second for torch alone.
    """
    with loading():
        # loaded late: workers start before their driver has loaded anything heavy
        import torch

        # loaded late: it loads torch
        from sweeper.training import work  # noqa: F401

    torch.set_num_threads(1)
    keep_freed_memory()
    collect_rarely()
    # vmap says so of each operation that it makes a loop of; the plan measures whether stacks pay.
    warnings.filterwarnings("ignore", "There is a performance drop", UserWarning)
