"""What went wrong, in one line."""

import os
import traceback


def reason_of(error: BaseException) -> str:
    """Type, message and the innermost line of the traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
    message = " ".join(str(error).split())
    return f"{type(error).__name__}: {message[:500]}{where}"
