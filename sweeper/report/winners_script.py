"""The winner's script, or why there is none, for a process that need not load what makes it."""

from collections.abc import Mapping
from typing import Any

from sweeper.data.data import Data
from sweeper.errors import UserError
from sweeper.study.study import Study
from sweeper.user_code.calls import message_of, user_code


def script_or_reason(
    study: Study, parameters: Mapping[str, Any], seed: int, data: Data, recorded: float | None
) -> tuple[str, str]:
    """`script`, or an empty text and why there is none: functions of the user are called once more."""
    # loaded late: what encodes tables takes a third of a second, while a run starts
    from sweeper.report.script import script

    try:
        with user_code():
            return script(study, parameters, seed, data=data, recorded=recorded), ""
    except UserError as error:  # a function that no script can import, say
        return "", str(error)
    except Exception as error:
        return "", message_of(error)
