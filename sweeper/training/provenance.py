"""Where and on what a run trains, for those who ask later: device, processor, versions, and a hash of the
data."""

import hashlib
import subprocess
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch

from sweeper.components.tree import leaves
from sweeper.data.data import Data
from sweeper.data.disk import chunks
from sweeper.data.splits import is_kept, real_steps
from sweeper.study.settings import settings
from sweeper.training.pool.machine import processor
from sweeper.training.preflight import configurations
from sweeper.training.setup import Task, pick_device, users_code
from sweeper.user_code.calls import source_of
from sweeper.user_code.code_print import PYTHON, code_print
from sweeper.version import versions

GIT_SECONDS = 5.0
"""Most that git may take."""


def provenance(task: Task) -> dict[str, str]:
    """``device``, ``processor``, ``versions`` and ``data`` of the machine that this runs on."""
    device = pick_device(task.study.training.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return {"device": name, "processor": processor(), "versions": versions(), "data": data_hash(task.data)}


def code_prints(task: Task) -> dict[str, str]:
    """``model net:Net`` -> `code_print`, for all code of the user's that the study names, searched or fixed;
    ``python`` -> the version that compiled it."""
    prints = {"python": PYTHON}
    for parameters in configurations(task.study.space):
        for role, function in users_code(task, settings(task.study, parameters)).items():
            with suppress(Exception):  # objects of the user's may raise whatever they are asked
                prints[f"{role} {source_of(function)}"] = code_print(function)
    return prints


def data_hash(data: Data) -> str:
    """The first 12 digits of the SHA-256 of all inputs and targets, in the order of the rows.

    Where padding or masks are left out of the standardization that counts too: before it was so, such runs
    trained on other numbers, and do not go on with these.
    """
    digest = hashlib.sha256()
    inputs = [] if data.is_streamed or data.encoding else [np.asarray(leaf) for leaf in leaves(data.inputs)]
    if any(is_kept(array, inputs) or real_steps(array, inputs) is not None for array in inputs):
        digest.update(b"padding and masks stay")
    for array in (*leaves(data.inputs), *leaves(data.targets if data.several is None else data.several)):
        plain = np.asarray(array)
        digest.update(f"{plain.dtype} {plain.shape}".encode())
        texts = plain.dtype == object
        for some in [repr(plain.tolist()).encode()] if texts else map(np.ndarray.tobytes, chunks(plain)):
            digest.update(some)
    return digest.hexdigest()[:12]


def commit(folder: Path | None) -> str:
    """``3f2a91c``, with `` and changes`` where tracked files differ from it; empty where there is no git."""
    where = folder or Path.cwd()
    found = _git(where, "rev-parse", "--short", "HEAD")
    if not found:
        return ""
    changed = _git(where, "status", "--porcelain", "--untracked-files=no")
    return f"{found} and changes" if changed else found


def _git(folder: Path, *words: str) -> str:
    """What git prints; empty where it fails, is missing or takes too long."""
    command = ["git", "-C", str(folder), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=GIT_SECONDS, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
