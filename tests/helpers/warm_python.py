"""``python …`` that need not import torch, pandas and Matplotlib: a fork of a process that has.

What is sweeper's is taken away first, so that the fork imports it from where it is told to, as a fresh
interpreter does. Not for tests of what a process imports.
"""

import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing import get_all_start_methods
from pathlib import Path
from types import ModuleType

from torch.library import Library
from warm_workers import warm_processes

TESTS = Path(__file__).resolve().parents[1]


def python(
    arguments: Sequence[object],
    folder: Path,
    *,
    given: str = "",
    environment: Mapping[str, str] | None = None,
    timeout: float = 250,
) -> "subprocess.CompletedProcess[str]":
    """What ``python ARGUMENTS`` does in `folder`, which reads `given` from stdin.

    Args:
        arguments: ``FILE …``, ``-c CODE …`` or ``-m MODULE …``.
        environment: all of its environment; that of this process if there is none.
        timeout: seconds after which it is ended.
    """
    words, variables = [str(word) for word in arguments], dict(environment or os.environ)
    if "forkserver" not in get_all_start_methods():
        return subprocess.run(
            [sys.executable, *words],
            input=given,
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=folder,
            env=variables,
            check=False,
            timeout=timeout,
        )
    with tempfile.TemporaryDirectory() as place:
        streams = [Path(place) / name for name in ("stdin", "stdout", "stderr")]
        for stream, text in zip(streams, (given, "", ""), strict=True):
            stream.write_text(text, encoding="utf-8")
        process = warm_processes().Process(
            target=_run, args=(words, str(folder), variables, [*map(str, streams)])
        )
        process.start()
        process.join(timeout)
        code = process.exitcode
        if code is None:
            process.kill()
            process.join(60)
            raise subprocess.TimeoutExpired(words, timeout)
        out, err = (stream.read_text(encoding="utf-8") for stream in streams[1:])
    return subprocess.CompletedProcess(words, code, out, err)


def _run(words: list[str], folder: str, environment: dict[str, str], streams: list[str]) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    encoding = environment.get("PYTHONIOENCODING", "utf-8")
    for descriptor, stream in enumerate(streams):
        os.dup2(os.open(stream, os.O_APPEND | os.O_RDWR), descriptor)
    sys.stdin = open(0, encoding=encoding, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding=encoding, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding=encoding, closefd=False)  # noqa: SIM115
    _forget_sweeper()
    option, *rest = words
    place = {"-c": "", "-m": folder}.get(option, str(Path(option).parent))
    added = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:] = [place, *added, *(path for path in sys.path if path and not path.startswith(str(TESTS)))]
    if option == "-c":
        code, *rest = rest
        sys.argv = ["-c", *rest]
        sys.modules["__main__"] = ModuleType("__main__")
        exec(compile(code, "<string>", "exec"), vars(sys.modules["__main__"]))
    elif option == "-m":
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = words
        runpy.run_path(option, run_name="__main__")


def _forget_sweeper() -> None:
    """It and the helpers of the tests are imported anew, their operations registered anew."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "sweeper" or str(getattr(module, "__file__", "")).startswith(str(TESTS)):
            for library in [part for part in vars(module).values() if isinstance(part, Library)]:
                library._destroy()
            del sys.modules[name]
