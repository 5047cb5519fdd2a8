"""Parts of a report that cannot be made have a word in their place; they never take the rest along."""

import os
import sys
from collections.abc import Callable, Mapping
from typing import TypeVar

import pandas as pd

from sweeper.errors import SweeperError
from sweeper.user_code.calls import message_of

Made = TypeVar("Made")
STRICT = "SWEEPER_STRICT"
"""Environment variable: where it is set, as in tests, a part that cannot be made is an error."""


class NotMade(Exception):
    """A part that could not be made; the message is the reason."""


class MadeTables(dict[str, pd.DataFrame]):
    """Tables by name. Asking for one that could not be made raises the reason, so no part is silent."""

    def __init__(self, made: Mapping[str, pd.DataFrame | NotMade]) -> None:
        super().__init__({name: table for name, table in made.items() if not isinstance(table, NotMade)})
        self.not_made = {name: table for name, table in made.items() if isinstance(table, NotMade)}

    def __missing__(self, name: str) -> pd.DataFrame:
        raise self.not_made.get(name) or KeyError(name)


def attempt(what: str, make: Callable[[], Made]) -> Made | NotMade:
    """What `make` returns, or why it did not: then a line on stderr says so, too.

    Messages for the user are raised on: wrong input is no defect.
    """
    try:
        return make()
    except SweeperError:
        raise
    except NotMade as known:  # told already
        return known
    except Exception as error:
        if os.environ.get(STRICT):
            raise
        reason = message_of(error)
        print(f"{what} could not be made; the report goes on without it: {reason}", file=sys.stderr)
        return NotMade(reason)


def not_drawn(reason: NotMade) -> str:
    """What a page says in place of a figure."""
    return f"The figure could not be drawn: {reason}. The tables of this part hold its numbers."


def not_told(reason: NotMade) -> str:
    """What a page says in place of a part."""
    return f"This part could not be made: {reason}. The other parts do not depend on it."
