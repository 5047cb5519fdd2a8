"""A function of the user that the driver calls: what it raises is told, and changes nothing."""

from collections.abc import Callable, Iterable
from typing import Any


def call_back(
    function: Callable[[Any], object] | None, values: Iterable[Any], tell: Callable[[str], object]
) -> None:
    """Call `function`, if there is one, with each value; Ctrl-C in it is one of the run."""
    if function is None:
        return
    for value in values:
        try:
            function(value)
        except (Exception, SystemExit) as error:  # whatever it raises
            raised = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            tell(f"on_result raised for trial {value.trial.number}: {raised}")
