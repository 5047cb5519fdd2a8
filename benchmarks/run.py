"""Side by side with what people use: ``python benchmarks/run.py --device cpu --rounds 3 --only tiny,digits``.

Every timing is a process of its own, all contenders of a case in turn, round after round, so that a
machine that slows down slows all of them; medians are compared. Prints a table and writes
``benchmarks/results.md`` and ``benchmarks/results.json``; what limits each case stands in
``benchmarks/limits.md`` and is copied below the tables.
"""

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
from cases import CASES, Case
from gemm import peak
from one import JOBS, OURS
from peers import PEERS
from sweeps import MARGINAL

from sweeper.wording import count

HERE = Path(__file__).resolve().parent
SLOW = ("ray tune",)
"""Timed on the digits case alone: it starts an actor a trial."""


def contenders(case: str) -> list[str]:
    """Who is timed on a case; Ray Tune where it is installed."""
    names = [name for name in PEERS if name not in SLOW]
    if case == "digits" and importlib.util.find_spec("ray"):
        names += SLOW
    return [*names, *OURS]


def timed(case: str, contender: str, device: str) -> dict[str, Any]:
    """One line of ``one.py``."""
    command = [sys.executable, str(HERE / "one.py"), case, contender, device]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{case}, {contender}: {done.stderr.strip().splitlines()[-1:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(cases: list[str], device: str, rounds: int) -> dict[str, dict[str, dict[str, Any]]]:
    """case -> contender -> medians over the rounds."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for case in cases:
        runs: dict[str, list[dict[str, Any]]] = {name: [] for name in contenders(case)}
        for turn in range(rounds):
            for name, kept in runs.items():
                kept.append(timed(case, name, device))
                rate = kept[-1]["trials"] / kept[-1]["seconds"]
                print(f"{case}, round {turn + 1}, {name}: {rate:.2f} trials/s", file=sys.stderr, flush=True)
        found[case] = {name: _median(kept) for name, kept in runs.items()}
    return found


def _median(runs: list[dict[str, Any]]) -> dict[str, Any]:
    rates = [run["trials"] / run["seconds"] for run in runs]
    return {
        "trials_per_second": statistics.median(rates),
        "lowest": min(rates),
        "highest": max(rates),
        "peak_mib": max(run["peak_mib"] for run in runs),
        "how": runs[-1]["how"],
    }


def report(found: dict[str, Any], gflops: float, device: str, rounds: int) -> str:
    """The results as Markdown."""
    lines = ["# Training throughput, side by side", "", machine(device, gflops), ""]
    lines += [
        f"Same trials for all (four activations, four optimizers, half with an activation penalty), {JOBS} "
        f"processes of one thread, medians of {count(rounds, 'round')} in turn. All score validation at "
        "20 points; our engines also measure every layer. `× plain` is trials a second over those of the "
        "plain loop; `of peak` the arithmetic of the products over the most that batched products reached.",
        "",
    ]
    for name, contenders_found in found.items():
        case, plain = CASES[name], contenders_found["plain loop"]["trials_per_second"]
        flops = case.flops_a_step * case.steps
        lines += [f"## {name}: {_described(case)}", ""]
        lines += [
            "| | trials/s | range | × plain | GFLOP/s | of peak | peak MiB | |",
            "|---|" + "---:|" * 6 + "---|",
        ]
        for contender, row in contenders_found.items():
            rate = row["trials_per_second"]
            speed = rate * flops / 1e9
            lines.append(
                f"| {contender} | {rate:.2f} | {row['lowest']:.2f}–{row['highest']:.2f} "
                f"| {rate / plain:.1f} | "
                f"{speed:.1f} | {speed / gflops:.0%} | {row['peak_mib']:.0f} | {row['how']} |"
            )
        lines.append("")
    return "\n".join(lines)


def sweeps(cases: list[str], rounds: int) -> dict[str, Any]:
    """What ``sweeps.py`` measures, in processes of their own: medians of what one more trial costs."""
    found: dict[str, Any] = {"marginal": {}}
    for case in (name for name in MARGINAL if name in cases):
        runs = [_told("marginal", "--case", case) for _ in range(rounds)]
        found["marginal"][case] = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    prices = [_told("price") for _ in range(rounds)]
    found["price"] = sorted(prices, key=lambda price: price["seconds"] / price["single"])[len(prices) // 2]
    found["scale"] = _told("scale")
    return found


def _told(*arguments: str) -> Any:
    done = subprocess.run(
        [sys.executable, str(HERE / "sweeps.py"), *arguments], capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{arguments}: {done.stderr.strip().splitlines()[-1:]}")
    print(arguments, done.stdout.strip(), file=sys.stderr, flush=True)
    return json.loads(done.stdout.splitlines()[-1])


def sweeps_report(found: dict[str, Any]) -> str:
    """Whole sweeps as Markdown."""
    lines = ["# Whole sweeps, process start to report", ""]
    lines += [
        "What one more trial adds to `sweeper run`, search, storage and records included.",
        "",
    ]
    lines += ["| | plain loop, ms a trial | ours, ms a trial | × plain |", "|---|---:|---:|---:|"]
    for case, cost in found["marginal"].items():
        ratio = cost["plain"] / cost["ours"]
        lines.append(f"| {case} | {1e3 * cost['plain']:.1f} | {1e3 * cost['ours']:.1f} | {ratio:.1f} |")
    lines += ["", "Whole sweeps of the tiny case, confirmation left out:", ""]
    lines += ["| trials | ms a trial |", "|---:|---:|"]
    lines += [f"| {trials} | {1e3 * cost:.1f} |" for trials, cost in found["scale"].items()]
    price = found["price"]
    lines += [
        "",
        f"Price of an answer: 120 configurations of digits with pruning, 5 × 10 confirmations, 5,000 "
        f"steps each, test, sharpness and report took {price['seconds']:.1f} s; one plain training takes "
        f"{price['single']:.2f} s. The answer costs {price['seconds'] / price['single']:.1f} of these.",
        "",
    ]
    return "\n".join(lines)


def _described(case: Case) -> str:
    extra = ", ".join(f"{key} {value}" for key, value in case.model.items() if key != "source")
    return f"{case.model['source']}, {extra}, batches of {case.batch_size}, {case.steps} steps"


def machine(device: str, gflops: float) -> str:
    """What the numbers were measured on."""
    cpu = next(
        (line.split(":", 1)[1].strip() for line in _cpuinfo() if line.startswith(("model name", "Hardware"))),
        platform.processor(),
    )
    gpu = f", {torch.cuda.get_device_name()}" if device.startswith("cuda") else ""
    return (
        f"{cpu}, {os.cpu_count()} cores{gpu}, {platform.system()}, Python {platform.python_version()}, torch "
        f"{torch.__version__}; batched products reach {gflops:.0f} GFLOP/s with {JOBS} processes."
    )


def _cpuinfo() -> list[str]:
    file = Path("/proc/cpuinfo")
    return file.read_text().splitlines() if file.is_file() else []


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(CASES))
    arguments = parser.parse_args()
    gflops = peak(JOBS)
    cases = arguments.only.split(",")
    found = measure(cases, arguments.device, arguments.rounds)
    text = report(found, gflops, arguments.device, arguments.rounds)
    kept: dict[str, Any] = {"gemm_gflops": gflops, "device": arguments.device, "cases": found}
    if arguments.device == "cpu":
        kept["sweeps"] = sweeps(cases, arguments.rounds)
        text += "\n" + sweeps_report(kept["sweeps"])
    limits = HERE / "limits.md"
    text += "\n" + limits.read_text(encoding="utf-8") if limits.is_file() else ""
    print(text)
    (HERE / "results.md").write_text(text, encoding="utf-8")
    (HERE / "results.json").write_text(json.dumps(kept, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
