"""Why a step is not compiled."""

from sweeper.errors import SweeperError


class Unsupported(SweeperError):
    """The message names the operation, or what is missing on this machine."""
