"""This machine as LLVM sees it: text to machine code, kept on disk.

Compiled code lies in the user's cache folder, one file a program, named after the program, LLVM's version
and the processor. A file that is damaged is compiled anew.
"""

import ctypes
import hashlib
import importlib
import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from sweeper.data.disk import cache_folder
from sweeper.training.stacked.refusal import NotCompiled

VERSION = 1
"""Of what this package emits for the same program; part of the names of kept files."""
MAX_FILES = 1024
"""Kept programs, of some 30 kB each; those go that were not used for longest."""
SUM = 32
"""Bytes of the checksum before the code in a kept file."""


class Program:
    """Functions that can be called as long as this is held."""

    def __init__(self, engine: Any, addresses: dict[str, int]) -> None:
        self._engine, self.addresses = engine, addresses


@cache
def llvm() -> Any:
    """llvmlite's binding, ready for this machine.

    Raises:
        NotCompiled: if it is missing or broken.
    """
    try:
        binding = importlib.import_module("llvmlite.binding")
        binding.initialize_native_target()
        binding.initialize_native_asmprinter()
    except (Exception, SystemExit) as error:  # whatever a broken installation raises
        raise NotCompiled(f"llvmlite cannot be used ({type(error).__name__})") from error
    return binding


def _told(question: str) -> Any:
    """What LLVM says of this machine.

    Raises:
        NotCompiled: if it cannot tell.
    """
    try:
        return getattr(llvm(), question)()
    except NotCompiled:
        raise
    except Exception as error:  # a processor that it does not know
        raise NotCompiled(f"LLVM does not know this machine ({type(error).__name__})") from error


@cache
def features() -> str:
    """Of this processor; wide vectors are meant to be used."""
    flags = _told("get_host_cpu_features")
    return ",".join(f"{'+' if on else '-'}{name}" for name, on in sorted(flags.items()))


@cache
def register_bytes() -> int:
    """Size of a vector register."""
    flags = _told("get_host_cpu_features")
    if flags.get("avx512f") and flags.get("avx512vl"):
        return 64
    return 32 if flags.get("avx2") and flags.get("fma") else 16


@cache
def is_x86() -> bool:
    """Whether this is a processor with the registers of x86."""
    return "x86" in _told("get_process_triple")


@cache
def registers() -> int:
    """Number of vector registers."""
    return 32 if register_bytes() == 64 or not is_x86() else 16


_lasting = dict[tuple[str, tuple[str, ...]], Program]()
"""What many programs call: activations, updates."""


def compiled(text: str, names: Sequence[str]) -> dict[str, int]:
    """Addresses of functions that last as long as the process, where each is loaded once.

    Raises:
        NotCompiled: if LLVM does not take the program.
    """
    key = text, tuple(names)
    if key not in _lasting:
        _lasting[key] = program(text, names)
    return _lasting[key].addresses


def program(text: str, names: Sequence[str]) -> Program:
    """Functions of a program, as long as that is held.

    Raises:
        NotCompiled: if LLVM does not take it.
    """
    binding = llvm()
    try:
        return _compiled(binding, text, names)
    except NotCompiled:
        raise
    except Exception as error:  # whatever LLVM refuses
        raise NotCompiled(f"LLVM does not take the program ({type(error).__name__})") from error


def _compiled(binding: Any, text: str, names: Sequence[str]) -> Program:
    target = binding.Target.from_triple(binding.get_process_triple())
    flags = features().replace("+prefer-256-bit", "-prefer-256-bit")
    machine = target.create_target_machine(
        cpu=binding.get_host_cpu_name(), features=flags, opt=3, codemodel="jitdefault", jit=True
    )
    file = _file_of(binding, text)
    code = _kept(file)
    if code is None:
        module = binding.parse_assembly(text, binding.create_context())  # LLVM never empties its own one
        module.verify()
        options = binding.create_pipeline_tuning_options(speed_level=0)
        options.loop_vectorization = options.slp_vectorization = False
        passes = binding.create_pass_builder(machine, options)
        passes.getModulePassManager().run(module, passes)
        code = machine.emit_object(module)
        _keep(file, code)
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), machine)
    engine.add_object_file(binding.object_file.ObjectFileRef.from_data(code))
    engine.finalize_object()
    addresses = {name: int(engine.get_function_address(name)) for name in names}
    if not all(addresses.values()):
        raise NotCompiled("LLVM lost a function of the program")
    return Program(engine, addresses)


def _file_of(binding: Any, text: str) -> Path | None:
    machine = (VERSION, binding.llvm_version_info, binding.get_host_cpu_name(), features(), text)
    with suppress(OSError, RuntimeError):  # no home, or none that can be written to
        folder = cache_folder() / "native"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _private(folder):
            return folder / f"{hashlib.sha256(repr(machine).encode()).hexdigest()}.o"
    return None


def _private(folder: Path) -> bool:
    """Whether nobody else may write there: what is loaded from it is run."""
    status = folder.stat()
    return not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not status.st_mode & 0o022)


def _kept(file: Path | None) -> bytes | None:
    if file is None:
        return None
    with suppress(OSError):
        data = file.read_bytes()
        if hashlib.sha256(data[SUM:]).digest() == data[:SUM]:
            os.utime(file)  # the time of its last use
            return data[SUM:]
    return None


def _keep(file: Path | None, code: bytes) -> None:
    if file is None:
        return
    with suppress(OSError):  # a full disk costs a compilation, no result
        handle, name = tempfile.mkstemp(dir=file.parent)
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(hashlib.sha256(code).digest() + code)
            os.replace(name, file)
        except OSError:
            os.unlink(name)  # and not the room that the next one needs
            raise
        _evict(file.parent)


def _evict(folder: Path) -> None:
    """Leave `MAX_FILES` files, those used last; parts of files that a killed process has left go as well."""
    used: dict[Path, float] = {}
    for each in folder.iterdir():
        with suppress(OSError):  # another process has put it away
            if each.is_file():
                used[each] = each.stat().st_mtime
    for each in sorted(used, key=lambda file: used[file])[:-MAX_FILES]:
        with suppress(OSError):
            each.unlink()


def callable_at(address: int, arguments: int) -> Callable[..., None]:
    """A function of so many pointers or whole numbers."""
    return ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * arguments)(address)
