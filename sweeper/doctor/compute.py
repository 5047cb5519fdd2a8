"""torch, and a small computation on every device it reaches, compared with numpy.

Run as ``python -m sweeper.doctor.compute`` it prints its findings as JSON on the last line: a torch that
crashes while it is loaded (a missing instruction, a broken driver) then ends that process, not the doctor.
"""

import json
import shutil
import time
from dataclasses import asdict
from types import ModuleType

from sweeper.doctor.finding import Finding
from sweeper.doctor.fixes import fix

TOLERANCE = 1e-4
"""Largest relative error of float32; rounding of sums over 64 terms gives about 1e-6."""


def check_torch() -> list[Finding]:
    """The build of torch, then one finding per device."""
    try:
        # loaded late: it may be missing or broken, which is a finding
        import torch
    except ModuleNotFoundError as error:
        if error.name == "torch":
            return [Finding("torch", False, "torch is not installed", fix("torch_missing"))]
        missing = f"torch needs {error.name}, which is missing"
        return [Finding("torch", False, missing, fix("packages"))]
    except Exception as error:  # a half-installed or mismatched torch raises anything
        return [Finding("torch", False, f"importing torch: {_line(error)}", fix("torch_broken"))]
    return [_build(torch), *(check_device(torch, device) for device in devices(torch))]


def devices(torch: ModuleType) -> list[str]:
    """What torch can compute on here: always ``cpu``, then every CUDA device, then ``mps``."""
    cuda = (
        [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    )
    return ["cpu", *cuda, *(["mps"] if torch.backends.mps.is_available() else [])]


def check_device(torch: ModuleType, device: str) -> Finding:
    """f = Σ (X·W)² and its gradient 2·Xᵀ·X·W, on `device` in float32 and by numpy in float64."""
    # loaded late: it may be missing or broken, which is a finding
    import numpy as np

    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((32, 64)), rng.standard_normal((64, 16))
    start = time.perf_counter()
    try:
        inputs = torch.tensor(x, dtype=torch.float32, device=device)
        weights = torch.tensor(w, dtype=torch.float32, device=device, requires_grad=True)
        value = (inputs @ weights).square().sum()
        value.backward()
        gradient = weights.grad.cpu().numpy()
    except Exception as error:  # whatever a driver or a build can raise is what is wrong with it
        return Finding(device, False, _line(error), _device_fix(device))
    milliseconds = 1e3 * (time.perf_counter() - start)
    expected = 2 * x.T @ (x @ w)
    off = np.abs(gradient - expected).max() / np.abs(expected).max()
    worst = float(np.maximum(off, abs(value.item() / np.square(x @ w).sum() - 1)))
    ok = worst < TOLERANCE  # false for NaN, too: np.maximum lets it through
    name = f"{torch.cuda.get_device_name(device)}: " if device.startswith("cuda") else ""
    differs = f"{name}product and gradient differ from numpy's by {worst:.0e}; {milliseconds:.0f} ms"
    return Finding(device, ok, differs, "" if ok else _device_fix(device))


def _build(torch: ModuleType) -> Finding:
    driver = shutil.which("nvidia-smi") is not None
    cuda = torch.version.cuda
    if not cuda:
        build = "MPS" if torch.backends.mps.is_available() else "CPU only"
        return Finding("torch", True, f"{torch.__version__}, {build}", fix("cuda_unused") if driver else "")
    built = f"{torch.__version__}, built with CUDA {cuda}"
    if torch.cuda.is_available():
        return Finding("torch", True, built)
    if driver:
        return Finding(
            "torch", False, f"{built}; a driver is here, but no GPU is reached", fix("cuda_unreachable")
        )
    return Finding("torch", True, f"{built}; no GPU: the CPU is used")


def _device_fix(device: str) -> str:
    return fix("cpu" if device == "cpu" else "device")


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


if __name__ == "__main__":
    print(json.dumps([asdict(finding) for finding in check_torch()]))
