"""The most arithmetic that batched matrix products reach here: the ceiling for small networks."""

import statistics
import time

import joblib
import torch

SHAPES = ((16, 64, 64, 64), (16, 128, 128, 128), (8, 256, 256, 256), (4, 512, 512, 512))
"""(batch, rows, inner, columns)"""


def _one(seconds: float) -> float:
    torch.set_num_threads(1)
    best = 0.0
    for batch, rows, inner, columns in SHAPES:
        a, b = torch.randn(batch, rows, inner), torch.randn(batch, inner, columns)
        out, rates = torch.empty(batch, rows, columns), []
        end = time.perf_counter() + seconds / len(SHAPES)
        while time.perf_counter() < end:
            start = time.perf_counter()
            for _ in range(10):
                torch.bmm(a, b, out=out)
            rates.append(20.0 * batch * rows * inner * columns / (time.perf_counter() - start))
        best = max(best, statistics.median(rates))
    return best / 1e9


def peak(jobs: int, seconds: float = 4.0) -> float:
    """GFLOP/s of float32 `torch.bmm` with `jobs` processes of one thread at the same time, best shape."""
    with joblib.parallel_config(backend="loky", n_jobs=jobs, inner_max_num_threads=1):
        return float(sum(joblib.Parallel()(joblib.delayed(_one)(seconds) for _ in range(jobs))))


if __name__ == "__main__":
    print(f"{peak(2):.1f} GFLOP/s with 2 processes")
