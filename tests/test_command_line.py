"""Commands that are printed come back as the words that they were made of, on every system."""

import shlex
from types import SimpleNamespace

import pytest

from sweeper.command_line import command_line

WORDS = [
    ["sweeper", "run", "digits", "--set", "model.depth=12"],
    ["sweeper", "run", "my study.toml", "--set", "search.space.activation=['relu', 'gelu']"],
    ["--set", 'name="deeper"', "a\\b", "C:\\my folder\\", "", "tail\\"],
    ["x&y", "a|b", "[1,2]", "$HOME", "50%", "it's", "{low = 1e-4}", 'say "so" \\'],
]


def split_as_windows(line: str) -> list[str]:
    """The words that a C program on Windows is given: the documented rules of its runtime library."""
    words, word, inside, backslashes, begun = list[str](), "", False, 0, False
    for letter in f"{line} ":
        if letter == "\\":
            backslashes, begun = backslashes + 1, True
            continue
        if letter == '"':
            word += "\\" * (backslashes // 2)
            inside = inside if backslashes % 2 else not inside
            word += '"' * (backslashes % 2)
            begun = True
        elif letter == " " and not inside:
            word += "\\" * backslashes
            words += [word] if begun else []
            word, begun = "", False
        else:
            word, begun = word + "\\" * backslashes + letter, True
        backslashes = 0
    return words


@pytest.mark.parametrize("words", WORDS)
def test_posix_shells_split_it_into_the_same_words(words: list[str]) -> None:
    """As `shlex` does."""
    assert shlex.split(command_line(words)) == words


@pytest.mark.parametrize("words", WORDS)
def test_windows_splits_it_into_the_same_words(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """In double quotes where a shell would act on a character, single quotes mean nothing there."""
    monkeypatch.setattr("sweeper.command_line.os", SimpleNamespace(name="nt"))
    line = command_line(words)
    assert split_as_windows(line) == words
    bare = "".join(line.split('"')[::2])
    assert not set("&|,;$%{}[]()<>^'") & set(bare)


def test_plain_words_stay_plain_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths and settings without blanks are not quoted."""
    monkeypatch.setattr("sweeper.command_line.os", SimpleNamespace(name="nt"))
    assert (
        command_line(["sweeper", "run", "C:\\a\\b.toml", "--jobs", "2"])
        == "sweeper run C:\\a\\b.toml --jobs 2"
    )
