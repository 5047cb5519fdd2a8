"""Study files: found by path, or by the name of one that ships with the package.

Loads nothing heavy: worker processes start after this, and before torch is loaded.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from sweeper.errors import FileType, UserError, did_you_mean, shown, what_lies_at
from sweeper.suggestions import suggestion

DEVICE = re.compile(r"""\bdevice["']?\s*=\s*["']?(auto|cpu|mps|cuda(?::\d+)?)\b""")
"""``training.device`` in a file or an override."""
MODULE = re.compile(rb"[\w\x80-\xff]:(?!\d)[\w\x80-\xff]")
"""The middle of ``package.module:function``, in UTF-8; names may have letters beyond ASCII."""


def builtin_studies() -> dict[str, Path]:
    """name -> file of every study that ships with the package."""
    package = Path(__file__).resolve().parents[1]
    folder = package / "studies"  # in a wheel
    if not folder.is_dir():
        folder = package.parent / "studies"  # in a checkout
    return {file.stem: file for file in sorted(folder.glob("*.toml"))}


def find(path: str | Path) -> Path:
    """The file that `path` names: a path first, then a built-in study."""
    what = what_lies_at(Path(path))
    if what == FileType.REGULAR:
        return Path(path)
    builtin = builtin_studies()
    if str(path) in builtin:
        return builtin[str(path)]
    if what != FileType.MISSING:
        raise UserError(
            f"study {shown(str(path))} is {what}; give a .toml file or one of: {', '.join(builtin)}"
        )
    hint = did_you_mean(str(path), list(builtin))
    if not hint.startswith("did") and (near := suggestion(Path(path).stem, _studies_beside(Path(path)))):
        hint = f"did you mean {shown(str(Path(path).parent / f'{near}.toml'))}? allowed: {', '.join(builtin)}"
    raise UserError(f"no study {shown(str(path))}: neither a file nor a built-in study; {hint}")


def _studies_beside(path: Path) -> list[str]:
    """What the study files are called in the folder of a path; none where that cannot be read."""
    try:
        return sorted(file.stem for file in path.parent.glob("*.toml"))
    except (OSError, ValueError):
        return []


def written_device(path: str | Path, overrides: Iterable[str] = ()) -> str:
    """``training.device`` as it is written, before anything is checked; ``auto`` where it is not.

    Raises:
        UserError: if there is no such study.
    """
    texts = [find(path).read_text(encoding="utf-8", errors="replace"), *overrides]
    return next((match[1] for text in reversed(texts) if (match := DEVICE.search(text))), "auto")


def names_code(path: str | Path, overrides: Iterable[str] = ()) -> bool:
    """Whether a module of the user may have to be imported for this study; it may say so in vain.

    Raises:
        UserError: if there is no such study.
    """
    texts = [find(path).read_bytes(), *(each.encode("utf-8", "replace") for each in overrides)]
    return any(MODULE.search(text) for text in texts)
