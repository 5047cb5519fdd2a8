"""What went wrong, in one line."""

import os
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from sweeper.errors import SweeperError
from sweeper.training.stacked.refusal import NotCompiled, NotStackable
from sweeper.user_code.calls import message_of, text_of, user_code

_LIBRARIES = tuple(sysconfig.get_path(name) + os.sep for name in ("stdlib", "purelib", "platlib"))
# Not resolved: tracebacks name files by the path through which they were imported, links included.
_PACKAGE = str(Path(__file__).parents[1]) + os.sep
_TORCH = str(Path(torch.__file__).parent) + os.sep


def reason_of(error: BaseException) -> str:
    """What a message of torch means; type, message, and the innermost line of the user's own files.

    Where none of those took part: the innermost line outside of this package and torch, then the innermost
    of all. A message of this package says it all, in its own words. Never raises, whatever the exception.
    """
    if isinstance(error, NotStackable):
        return str(error)
    is_own = isinstance(error, SweeperError)
    frames = traceback.extract_tb(None if is_own else error.__traceback__)
    if error.__cause__ is not None:
        frames += traceback.extract_tb(error.__cause__.__traceback__)
    own = [frame for frame in frames if not _is_of_library(frame.filename)]
    others = [frame for frame in frames if not frame.filename.startswith((_PACKAGE, _TORCH))]
    last = own[-1:] if is_own else (own or others or frames)[-1:]
    where = "".join(f" ({os.path.basename(frame.filename)}:{frame.lineno})" for frame in last)
    return f"{text_of(error) if is_own else message_of(error)}{where}"


def stack_reason_of(error: BaseException) -> str:
    """`reason_of` what a stack raised: one by one the same model may well train."""
    own = isinstance(error, NotStackable | SweeperError)
    return reason_of(error) if own else f"in a stack, {reason_of(error)}"


def _is_of_library(file: str) -> bool:
    """Whether it is this package's, Python's, or was installed, wherever that may be."""
    installed = {"site-packages", "dist-packages"} & set(Path(file).parts)
    return bool(installed) or file.startswith((*_LIBRARIES, _PACKAGE, "<frozen"))


@contextmanager
def refusing() -> Iterator[None]:
    """Whatever is raised while stacks are tried says why trials cannot train together."""
    try:
        with user_code():
            yield
    except (NotStackable, NotCompiled):
        raise
    except Exception as error:  # whatever the model and torch raise is the reason
        raise NotStackable(stack_reason_of(error)) from error
