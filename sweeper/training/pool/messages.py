"""Calls and results as bytes in files: what travels between driver and workers.

Functions of notebooks and scripts travel by value (cloudpickle). Large arrays of a shared value lie in files
of their own, which workers map into memory.
"""

import mmap
import pickle
import traceback
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import cloudpickle
import numpy as np

from sweeper.training.pool.interface import Call, Done, Lost, NotSendable
from sweeper.training.pool.machine import host

Value = TypeVar("Value")

LARGE = 1 << 20
"""Bytes from which an array of a shared value is mapped into memory by workers rather than copied."""


def dumps(value: Any, buffers: Callable[[pickle.PickleBuffer], object] | None = None) -> bytes:
    """`value` as bytes; `buffers` is given those of large arrays (pickle protocol 5, out of band).

    Raises:
        NotSendable: if it cannot be pickled.
    """
    try:
        return bytes(cloudpickle.dumps(value, protocol=5, buffer_callback=buffers))
    except Exception as error:
        raise NotSendable(_text(error)) from error


@dataclass(frozen=True)
class SharedFile(Generic[Value]):
    """A value in a file, with its large arrays in others."""

    value: Value
    """In the driver alone."""
    file: Path
    arrays: tuple[Path, ...]

    def __reduce__(self) -> tuple[Any, ...]:
        return SharedFile, (None, self.file, self.arrays)

    def load(self) -> Value:
        """A new copy of the value, but for its large arrays."""
        return pickle.loads(self.file.read_bytes(), buffers=[_mapped(array) for array in self.arrays])


def _mapped(file: Path) -> mmap.mmap:
    with file.open("rb") as opened:
        return mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)


class SharedFolder:
    """Writes shared values into a folder; an array that several of them have is written once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._arrays: dict[tuple[int, int], tuple[Path, memoryview]] = {}  # by address, which stays in use
        self._values = 0

    def share(self, value: Value) -> SharedFile[Value]:
        """`value`, as workers can load it."""
        arrays: list[Path] = []

        def out_of_band(buffer: pickle.PickleBuffer) -> bool:
            """Whether the array stays among the bytes of the value."""
            view = buffer.raw()
            if view.nbytes < LARGE:
                return True
            arrays.append(self._written(view))
            return False

        content = dumps(value, out_of_band)
        self._values += 1
        file = self.folder / f"shared-{self._values}"
        file.write_bytes(content)
        return SharedFile(value, file, tuple(arrays))

    def _written(self, view: memoryview) -> Path:
        key = (np.frombuffer(view, np.uint8).ctypes.data, view.nbytes)
        if key not in self._arrays:
            file = self.folder / f"array-{len(self._arrays)}"
            file.write_bytes(view)
            self._arrays[key] = (file, view)
        return self._arrays[key][0]


@dataclass(frozen=True)
class Blob:
    """A shared value as bytes, for another machine."""

    name: str
    content: bytes
    arrays: tuple[bytes, ...]
    """Its large arrays."""

    def load(self) -> "Blob":
        """Itself; `BlobFile` has to read it."""
        return self

    def written(self, folder: Path) -> SharedFile[Any]:
        """The value, in new files of `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        arrays = tuple(folder / f"array-{k}" for k in range(len(self.arrays)))
        for file, content in zip(arrays, self.arrays, strict=True):
            file.write_bytes(content)
        (folder / "value").write_bytes(self.content)
        return SharedFile(None, folder / "value", arrays)


@dataclass(frozen=True)
class BlobFile:
    """A blob in a file that workers may see."""

    name: str
    file: Path

    def load(self) -> Blob:
        """The blob.

        Raises:
            FileNotFoundError: where the file is not seen.
        """
        blob: Blob = pickle.loads(self.file.read_bytes())
        return blob


def blob_of(value: Any) -> Blob:
    """`value`, with a name that no other has.

    Raises:
        NotSendable: if it cannot be pickled.
    """
    arrays: list[bytes] = []

    def out_of_band(buffer: pickle.PickleBuffer) -> bool:
        """Whether the array stays among the bytes of the value."""
        view = buffer.raw()
        if view.nbytes >= LARGE:
            arrays.append(bytes(view))
        return view.nbytes < LARGE

    content = dumps(value, out_of_band)
    return Blob(uuid.uuid4().hex, content, tuple(arrays))


@dataclass(frozen=True)
class SharedName(Generic[Value]):
    """A value that travels to other machines by itself; calls carry its name."""

    value: Value
    """In the driver alone."""
    name: str

    def __reduce__(self) -> tuple[Any, ...]:
        return SharedName, (None, self.name)


@dataclass(frozen=True)
class Answer:
    """What a worker on another machine says of a call."""

    host: str
    """Where it ran."""
    outcome: bytes | None = None
    """As `run` gives it."""
    lost: Lost | None = None
    refused: str = ""
    """How the versions there differ, if the call was not run for that."""
    missing: bool = False
    """Whether it was not run as a `BlobFile` is not seen there."""


def done_of(call: Call, answer: Answer) -> Done:
    """What became of a call, by the answer of its worker."""
    if answer.outcome is None or answer.lost is not None:
        return Done(call, lost=answer.lost or Lost("its worker has ended it"), host=answer.host)
    value, error = read(answer.outcome)
    return Done(call, value, error, host=answer.host)


def answer_of(done: Done) -> Answer:
    """What a worker sends of what became of a call at its own place."""
    outcome = done.value if done.error is None else dumps((None, done.error))
    return Answer(host(), outcome, done.lost)


def run(call: bytes, shared: Mapping[str, SharedFile[Any]] | None = None) -> bytes:
    """In a worker: what the call gives, (value, ``None``), or raises, (``None``, exception).

    `shared` has the values that calls of other machines name.
    """
    try:
        outcome = (_called(call, shared or {}), None)
    except BaseException as error:
        error.add_note(f"in a worker process:\n{traceback.format_exc()}")
        return _raised(error)
    try:
        return dumps(outcome)
    except NotSendable as error:
        return dumps((None, NotSendable(f"what the call gives cannot be sent back: {error}")))


def _called(call: bytes, shared: Mapping[str, SharedFile[Any]]) -> Any:
    try:
        function, named = pickle.loads(call)
        arguments = [shared[each.name] if isinstance(each, SharedName) else each for each in named]
        given = [each.load() if isinstance(each, SharedFile) else each for each in arguments]
    except Exception as error:
        raise NotSendable(_text(error)) from error
    return function(*given)


def _raised(error: BaseException) -> bytes:
    """The exception, or what it says where it cannot be sent or not be read again."""
    try:
        content = dumps((None, error))
        pickle.loads(content)
    except Exception:
        return dumps((None, RuntimeError(_text(error))))
    return content


def read(result: bytes) -> tuple[Any, BaseException | None]:
    """(value, exception) of a call, as `run` wrote them."""
    try:
        value, error = pickle.loads(result)
    except Exception as reason:
        return None, NotSendable(f"what the call gives cannot be read: {_text(reason)}")
    return value, error


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:300]
