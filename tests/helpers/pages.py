"""Reads the Markdown pages of the project: links, code blocks, commands and tables."""

import re
import shlex
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
    ROOT / "reports" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
SHELLS = {"sh", "powershell"}

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
TABLE = re.compile(r"(?:^\|.*\n)+", re.MULTILINE)
FILE_NAME = re.compile(r"^# ([\w-]+\.\w+)$")

Row = dict[str, str]


@dataclass(frozen=True)
class Block:
    """A fenced block of code."""

    page: Path
    language: str
    text: str

    @property
    def file(self) -> str | None:
        """The file that the block is, where its first line names one."""
        found = FILE_NAME.match(self.text.partition("\n")[0])
        return found.group(1) if found else None


def shown(page: Path) -> str:
    """Path for a test's name."""
    return page.relative_to(ROOT).as_posix()


def files_of(page: str | Path, folder: Path) -> dict[str, Path]:
    """The files that the blocks of a page are, written to `folder`."""
    found = {block.file: block.text for block in blocks(page) if block.file}
    for name, text in found.items():
        (folder / name).write_text(text, encoding="utf-8")
    return {name: folder / name for name in found}


def text_of(page: str | Path) -> str:
    """The page, given by its path in the project."""
    return (ROOT / page).read_text(encoding="utf-8")


def prose(page: str | Path) -> str:
    """The page without its fenced blocks."""
    return FENCE.sub("", text_of(page))


def blocks(page: str | Path, *languages: str) -> list[Block]:
    """Fenced blocks in the order of the page."""
    found = [Block(ROOT / page, *match.groups()) for match in FENCE.finditer(text_of(page))]
    return [block for block in found if not languages or block.language in languages]


def code_words(text: str) -> list[str]:
    """What stands between backticks."""
    return INLINE.findall(text)


def anchors(page: str | Path) -> set[str]:
    """Fragments that a link may name."""
    return {slug(title) for _, title in HEADING.findall(prose(page))}


def slug(title: str) -> str:
    """A heading's anchor: lower case, punctuation dropped, blanks to hyphens."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def commands(page: Path, program: str) -> Iterator[list[str]]:
    """Words after `program` wherever the page shows a command of it, in blocks and between backticks."""
    lines = [line for block in blocks(page, *SHELLS) for line in block.text.splitlines()]
    for line in lines + code_words(prose(page)):
        plain = re.sub(r"^\.venv[\\/](Scripts|bin)[\\/]", "", line)
        if re.match(rf"{program} \S", plain):
            yield shlex.split(plain.replace("\\", "/"), comments=True)[1:]


def table(page: str, heading: str, *first: str) -> list[Row]:
    """Rows of the table under `heading` whose first columns are called `first`, by column."""
    for found in TABLE.findall(section(page, heading)):
        header, _, *lines = found.strip().splitlines()
        if tuple(cells(header)[: len(first)]) == first:
            return [dict(zip(cells(header), cells(line), strict=True)) for line in lines]
    raise AssertionError(f"{page}, {heading!r}: no table that starts with {', '.join(first)}")


def rows_to_change(
    page: str,
    heading: str,
    told: Iterable[str],
    known: Iterable[str],
    row: Callable[[str], str] | None = None,
) -> str:
    """What to write under `heading` so that its table lists what is `known`, in that order; empty if it does.

    Args:
        told: names in the table.
        row: name -> the line that is missing.
    """
    there, wanted = list(told), list(known)
    line = row or "| `{}` | … |".format
    add = [line(name) for name in wanted if name not in there]
    surplus = [name for name in there if name not in wanted]
    said = ["\n".join(("add", *add))] if add else []
    said += [f"take out {', '.join(surplus)}"] if surplus else []
    if not said and there != wanted:
        said = [f"the order is {', '.join(wanted)}"]
    return f"{page}, {heading!r}: {'; '.join(said)}" if said else ""


def section(page: str, heading: str) -> str:
    """The text under a heading, down to the next one of the same or a higher level."""
    text = prose(page)
    found = re.search(rf"^(#+) {re.escape(heading)}$", text, re.MULTILINE)
    assert found, f"{page} has no heading {heading!r}"
    rest = text[found.end() :]
    end = re.search(rf"^#{{1,{len(found.group(1))}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def cells(line: str) -> list[str]:
    """Cells of a table's line; an escaped bar belongs to its cell."""
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def name_in(cell: str) -> str:
    """The first word between backticks."""
    return code_words(cell)[0]


def names_in(cell: str) -> set[str]:
    """All words between backticks, without quotes."""
    return {word.strip('"') for word in code_words(cell)}


def value_in(cell: str) -> Any:
    """The TOML value between backticks; ``None`` for a dash."""
    return None if cell == "–" else toml(name_in(cell))


def toml(text: str) -> Any:
    """A TOML value."""
    return tomllib.loads(f"value = {text}")["value"]


def arguments_in(cell: str) -> dict[str, Any]:
    """``name = value`` between backticks -> values; a bare name has ``None``."""
    found = [word.partition(" = ") for word in code_words(cell) if not word.startswith('"')]
    return {name: toml(text) if text else None for name, _, text in found}
