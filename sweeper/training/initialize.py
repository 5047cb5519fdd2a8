"""What a worker process does once, before its first call."""

import gc
import warnings
from functools import cache


@cache
def initialize_worker() -> None:
    """Import everything, take one thread, and spare the garbage collector what stays.

    The imports stand here because a driver starts its workers before it imports anything heavy itself. loky
    calls the collector after calls, and that takes a tenth of a second for torch alone.
    """
    # loaded late: workers start before their driver has loaded anything heavy
    import sklearn.model_selection  # noqa: F401  (for the splits)
    import torch

    # loaded late: scikit-learn takes a second
    from sweeper.components.optimizers import DEFAULT, OPTIMIZERS
    from sweeper.training import work  # noqa: F401

    torch.set_num_threads(1)
    # The first optimizer imports torch._dynamo: that is not the first trial's fault.
    OPTIMIZERS[DEFAULT].make([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    # vmap says so of each operation that it makes a loop of; the plan measures whether stacks pay.
    warnings.filterwarnings("ignore", "There is a performance drop", UserWarning)
    gc.freeze()
