"""What messages say of errors of others."""

import pytest

from sweeper.errors import first_line, named_line


@pytest.mark.parametrize(
    ("message", "line", "named"),
    [
        ("broken", "broken", "ValueError: broken"),
        ("\n broken \nsee the manual", "broken ", "ValueError: broken "),
        ("", "ValueError", "ValueError"),
        (" \n", "ValueError", "ValueError"),
    ],
)
def test_an_error_is_one_line_that_says_something(message: str, line: str, named: str) -> None:
    """The first line that is not blank; the error's kind where there is none."""
    error = ValueError(message)
    assert (first_line(error), named_line(error)) == (line, named)
    assert first_line(error, 3) == line[:3]
