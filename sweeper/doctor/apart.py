"""Checks that run in a process of their own, because what they look at can crash or hang."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from sweeper.doctor.finding import Finding
from sweeper.doctor.fixes import fix

TORCH_SECONDS, WORKER_SECONDS = 300.0, 120.0
"""In which their processes must answer; the first import of torch from a slow disk takes minutes."""
TORCH = ["-m", "sweeper.doctor.compute"]
WORKERS = """
import joblib, json, os, time
start = time.perf_counter()
found = joblib.Parallel(n_jobs=2)(joblib.delayed(os.getpid)() for _ in range(4))
print(json.dumps([os.getpid() not in found, time.perf_counter() - start, joblib.cpu_count()]))
"""


def check_torch_apart(arguments: list[str] = TORCH, seconds: float = TORCH_SECONDS) -> list[Finding]:
    """The findings of `compute.check_torch`; if its process does not come back, that is the finding."""
    try:
        return [Finding(**finding) for finding in json.loads(_last_line(arguments, seconds))]
    except _Ended as end:
        return [Finding("torch", False, f"importing or using torch: {end}", fix("torch_broken"))]


def check_workers(code: str = WORKERS, seconds: float = WORKER_SECONDS) -> list[Finding]:
    """Two worker processes start and answer."""
    try:
        apart, took, cores = json.loads(_last_line(["-c", code], seconds))
    except _Ended as end:
        return [Finding("workers", False, str(end), fix("workers"))]
    if not apart:
        return [
            Finding("workers", False, "joblib computes in its own process: no worker starts", fix("workers"))
        ]
    return [
        Finding("workers", True, f"start in {took:.1f} s; a run uses {cores} unless --jobs says otherwise")
    ]


class _Ended(Exception):
    """The process gave no answer."""


def _last_line(arguments: list[str], seconds: float) -> str:
    package = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    try:
        done = subprocess.run(
            [sys.executable, *arguments],
            env=os.environ | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise _Ended(f"no answer within {seconds:g} s") from None
    lines, complaints = done.stdout.strip().splitlines(), done.stderr.strip().splitlines()
    if done.returncode == 0 and lines:
        return lines[-1]
    raise _Ended(": ".join([_ending(done.returncode), *complaints[-1:]]))


def _ending(code: int) -> str:
    """A return code in words; the negative ones are signals."""
    if code < 0 and -code in signal.valid_signals():
        return f"the process was ended by {signal.Signals(-code).name}"
    return f"the process ended with code {code}"
