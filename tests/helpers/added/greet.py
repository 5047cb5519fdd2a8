"""The command `greet`."""

from sweeper.commands.console import say
from sweeper.commands.options import NameArgument


def greet(name: NameArgument) -> None:
    """Say hello."""
    say(f"hello {name}")
