"""GPUs that a process may use, and which worker gets which: each sees its own alone.

Numbers and names are those of ``CUDA_VISIBLE_DEVICES``. Nothing here imports torch: a driver starts its
workers before it does.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

VISIBLE = "CUDA_VISIBLE_DEVICES"
PATIENCE = 20.0
"""Seconds that nvidia-smi may take."""


def gpus() -> list[str]:
    """The GPUs that this process may use, in their order; none where torch cannot use any.

    Where ``CUDA_VISIBLE_DEVICES`` names some, these; else all of this machine, or the parts (MIG) of those
    that are split.
    """
    if not torch_has_cuda():
        return []
    return named(os.environ[VISIBLE]) if VISIBLE in os.environ else list(_present())


def named(visible: str) -> list[str]:
    """What a ``CUDA_VISIBLE_DEVICES`` names: as CUDA reads it, up to the first entry that is none."""
    found: list[str] = []
    for entry in (each.strip() for each in visible.split(",")):
        if not re.fullmatch(r"\d+|(GPU|MIG)-[\w/-]+", entry):
            break
        found.append(entry)
    return found


def listed(text: str) -> list[str]:
    """The devices that ``nvidia-smi -L`` lists: UUIDs, as CUDA may number them in another order.

    A GPU that is split is not used as a whole.
    """
    found: list[list[str]] = []
    for kind, uuid in re.findall(r"^\s*(GPU|MIG) .*\(UUID: ([^)\s]+)\)", text, re.MULTILINE):
        if kind == "GPU" or not found:
            found.append([uuid])
        else:
            found[-1].append(uuid)
    return [uuid for whole, *parts in found for uuid in (parts or [whole])]


def assigned(devices: Sequence[str], jobs: int | None, cores: int) -> list[str]:
    """The device of every worker: `jobs` a GPU, or one; without GPUs, `jobs` or `cores` times ``""``."""
    return [*devices] * (jobs or 1) if devices else [""] * (jobs or cores)


def least_used(devices: Sequence[str], used: Collection[str]) -> str:
    """The first of those that fewest calls use, each named in `used`; ``""`` where there are none."""
    taken = list(used)
    return min(devices, key=taken.count, default="")


def environment(device: str) -> Mapping[str, str]:
    """What a worker process of `device` is started with."""
    return {VISIBLE: device} if device else {}


def wants_gpus(device: str) -> bool:
    """Whether each worker of a study with this ``training.device`` gets a GPU; else it sees what is there."""
    return device in ("auto", "cuda")


@cache
def torch_has_cuda() -> bool:
    """Whether torch is built with CUDA, as its `version.py` says."""
    found = find_spec("torch")
    for place in (found.submodule_search_locations or ()) if found else ():
        try:
            text = (Path(place) / "version.py").read_text(encoding="utf-8")
        except OSError:
            continue
        return re.search(r"^cuda\b.*=\s*['\"]\d", text, re.MULTILINE) is not None
    return False


@cache
def _present() -> tuple[str, ...]:
    """GPUs of this machine; none where its tool does not answer."""
    if (tool := shutil.which("nvidia-smi")) is None:
        return ()
    try:
        said = subprocess.run([tool, "-L"], capture_output=True, text=True, timeout=PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return tuple(listed(said.stdout))
