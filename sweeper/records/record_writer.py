"""Finished results on their way to the disk: in groups, from a thread of their own.

Writing one result costs almost as much as writing thirty, and results of stacked trials come in
bursts. So whatever has gathered is written together: at once after a pause, and in a burst once
every `PERIOD` seconds. A process that is killed loses at most the results of that time, and they
are trained again.
"""

import threading
import time
from collections.abc import Callable, Sequence

from sweeper.trial import TrialResult

PERIOD = 0.5


class RecordWriter:
    """Calls `keep` with everything added since its last call; use it as a context manager."""

    def __init__(self, keep: Callable[[Sequence[TrialResult]], None], period: float = PERIOD) -> None:
        self._keep, self._period = keep, period
        self._changed = threading.Condition()
        self._waiting: list[TrialResult] = []
        self._busy = self._urgent = self._closing = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, daemon=True, name="sweeper-records")

    def __enter__(self) -> "RecordWriter":
        self._thread.start()
        return self

    def __exit__(self, error_type: object, error: BaseException | None, trace: object) -> None:
        """Keep what is left, also when interrupted."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()
        if self._error is not None and error is None:
            raise self._error

    def add(self, results: Sequence[TrialResult]) -> None:
        """Take finished results.

        Raises:
            RunFailed: if earlier ones could not be kept.
        """
        with self._changed:
            self._raise()
            self._waiting += results
            self._changed.notify_all()

    def drain(self) -> None:
        """Return when everything added so far is kept.

        Raises:
            RunFailed: if it could not be.
        """
        with self._changed:
            self._urgent = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not (self._waiting or self._busy) or self._error is not None)
            self._urgent = False
            self._raise()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        free = 0.0  # when the next group may be written
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                self._changed.wait_for(
                    lambda: self._closing or self._urgent, timeout=max(free - time.monotonic(), 0)
                )
                group, self._waiting, self._busy = self._waiting, [], True
                if not group:
                    return
            try:
                self._keep(group)
            except BaseException as error:  # told to the next call that adds or drains
                self._error = error
            free = time.monotonic() + self._period
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                if self._error is not None:
                    return
