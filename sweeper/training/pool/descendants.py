"""What processes may do that multiprocessing and loky refuse them: private settings, in this room alone."""

import math
import multiprocessing

from joblib.externals.loky import process_executor


def allow_descendants() -> None:
    """This process may start processes of its own, also where a pool of another library made it.

    Multiprocessing refuses that to daemonic processes, such as those of Dask, and says so in the private
    settings of a process alone. They are left as they are where they look otherwise; starting a process then
    fails with multiprocessing's own message.
    """
    settings = getattr(multiprocessing.current_process(), "_config", None)
    if isinstance(settings, dict):
        settings.pop("daemon", None)


def allow_growth() -> None:
    """Loky takes growth by 300 MB for a leak and ends the process; here it is a model with its libraries.

    A loky without this setting ends it, and its call is made again elsewhere.
    """
    limit = "_MAX_MEMORY_LEAK_SIZE"
    if hasattr(process_executor, limit):
        setattr(process_executor, limit, math.inf)
