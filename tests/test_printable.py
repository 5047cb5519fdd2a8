"""Characters that move a cursor, reorder a line or hide are shown as escapes; all others as they are."""

import pytest

from sweeper.printable import is_folder_name, one_line, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x1b]8;;http://x\x07y", r"\x1b]8;;http://x\x07y"),
        ("done\rgone\x00\x7f\x9b2J", r"done\x0dgone\x00\x7f\x9b2J"),
        ("a\u202eb\u2066c\u200bd\ufeff", r"a\u202eb\u2066c\u200bd\ufeff"),
        ("a\ud800b\U000e0041", r"a\ud800b\U000e0041"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("Zürich 学習率 λ·|a|² 👩\u200d🔬", "Zürich 学習率 λ·|a|² 👩\u200d🔬"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    """Control, direction and invisible characters become what Python writes for them; letters stay."""
    assert printable(text) == shown
    assert printable(shown) == shown


def test_one_line() -> None:
    """Line ends of every kind become spaces."""
    assert one_line(" a\n\tb\u2028c\r\n d\x85e\x1b ") == r"a b c d e\x1b"


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../x",
        "a/b",
        "a\\b",
        "/etc",
        "C:x",
        "x.",
        "x ",
        " x",
        "nul",
        "CON.txt",
        "com1",
        "a\x00b",
        "a\x1bb",
        "x" * 201,
        "\ud800",
        "a\nb",
    ],
)
def test_names_that_lead_elsewhere(name: str) -> None:
    """No path, no device, nothing that a system cuts off or a terminal obeys."""
    assert not is_folder_name(name)


@pytest.mark.parametrize("name", ["digits", "digits-best", "my run (2)", "v1.2", "console", "Zürich"])
def test_names_of_folders(name: str) -> None:
    """What people call folders stays allowed."""
    assert is_folder_name(name)
