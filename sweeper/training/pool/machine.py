"""What a worker tells of its machine when it joins, and what must be equal on both sides."""

import platform
import re
import socket
import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sweeper.version import __version__


@dataclass(frozen=True)
class Machine:
    """A machine, and the versions that calls and results depend on."""

    host: str
    processor: str
    python: str
    """Without the third number: code of functions is the same for all of them."""
    torch: str
    sweeper: str

    def difference(self, driver: "Machine") -> str:
        """What keeps a worker here from working for `driver`; empty where nothing does."""
        pairs = {
            "Python": (self.python, driver.python),
            "torch": (self.torch, driver.torch),
            "sweeper": (self.sweeper, driver.sweeper),
        }
        unlike = [f"{name} {own}, the driver {other}" for name, (own, other) in pairs.items() if own != other]
        return f"{self.host} has {' and '.join(unlike)}" if unlike else ""


@cache
def host() -> str:
    """The name of this machine."""
    return socket.gethostname()


@cache
def this_machine() -> Machine:
    """This one."""
    python = ".".join(map(str, sys.version_info[:2]))
    return Machine(host(), processor(), python, _release("torch"), __version__)


def _release(package: str) -> str:
    """Its version without the build (``+cpu``)."""
    try:
        return version(package).partition("+")[0]
    except PackageNotFoundError:
        return "none"


def processor(file: Path = Path("/proc/cpuinfo")) -> str:
    """The model, where the system tells; else its kind."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found.group(1).strip() if found else platform.processor() or platform.machine()


def difference_here(driver: Machine) -> str:
    """What keeps this machine from working for `driver`; sent to workers of other engines."""
    return this_machine().difference(driver)
