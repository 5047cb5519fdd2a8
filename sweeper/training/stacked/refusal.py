"""Why a trial cannot train together with others."""


class NotStackable(Exception):
    """A model that trains one by one alone; the message names the operation that is to blame."""


class IncompatibleModel(Exception):
    """A trial whose model is not that of the stack, though its settings promised so."""


class NotCompiled(Exception):
    """Steps that cannot be machine code; the message is the reason, in one line."""
