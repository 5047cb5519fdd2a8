"""No password of a storage URL is shown, in whatever spelling and by whomever."""

import sys

import pytest

from sweeper.errors import RunFailed, UserError
from sweeper.exits import exit_code
from sweeper.journey import Options
from sweeper.passwords import masked_url, problem_of, without_passwords
from sweeper.search.storage_url import open_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:s3cret@host/db", "postgresql://me:***@host/db"),
        ("mysql+pymysql://me:p%40ss%2Fword@host:3306/db", "mysql+pymysql://me:***@host:3306/db"),
        ("postgresql://me:p@ss:w/rd@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me:a?b#c@host/db", "postgresql://me:***@host/db"),
        ("postgresql://host/db?user=me&password=s3cret&x=1", "postgresql://host/db?user=me&password=***&x=1"),
        ("postgresql://me@host/db?sslpassword=s3cret", "postgresql://me@host/db?sslpassword=***"),
        ("sqlite:///sweeper.db", "sqlite:///sweeper.db"),
        ("postgresql://me@host/db", "postgresql://me@host/db"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    """User, host and database stay, the password and parameters that hold one do not."""
    assert masked_url(url) == shown


@pytest.mark.parametrize("spelling", ["p%40ss word", "p@ss word", "p%40ss%20word", "p%40ss+word"])
def test_every_spelling_is_masked(spelling: str) -> None:
    """As in the URL, decoded, encoded in full and as in a form: drivers repeat either."""
    text = f"could not connect with {spelling!r}, told {spelling}!"
    assert spelling not in without_passwords(text, ["postgresql://me:p%40ss word@host/db"])


def test_short_passwords_leave_other_words_whole() -> None:
    """A password of one letter is masked where it stands alone."""
    assert without_passwords("a plan for a, abc", ["x://me:a@h/d"]) == "*** plan for ***, abc"


def test_a_url_that_is_taken_apart_elsewhere_is_not_repeated() -> None:
    """With marks in the password a driver's text names pieces of it: how to write it is said instead."""
    said = problem_of("postgresql://me:p@ss:w/rd@host/db", "invalid port 'w' of host 'ss'")
    assert said.startswith("the password must be percent-encoded: @ is %40")


def test_no_message_shows_a_password() -> None:
    """A storage that cannot be opened is named without its passwords."""
    with pytest.raises(UserError) as caught:
        open_url("nosuchdialect://me:hunter%40two@host/db?password=other-one")
    said = str(caught.value)
    assert said.startswith("--storage 'nosuchdialect://me:***@host/db?password=***': cannot be opened")
    assert not any(word in said for word in ("hunter", "two@", "other-one"))


def test_what_ends_a_command_shows_no_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Messages, the command that resumes and tracebacks, whether the URL came by option or by variable."""
    monkeypatch.setattr(sys, "argv", ["sweeper", "run", "x", "--storage", "db://me:hunter2@host/d"])
    monkeypatch.setenv("SWEEPER_STORAGE", "db://me:swordfish@host/d")
    before = sys.excepthook
    for raised in (RunFailed("at hunter2 and swordfish\x1b[2J"), KeyboardInterrupt()):

        def fails(raised: BaseException = raised) -> None:
            raise raised

        exit_code(fails)
    try:
        raise ValueError("could not reach db://me:hunter2@host/d, swordfish")
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    monkeypatch.setattr(sys, "excepthook", before)
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert "--storage 'db://me:***@host/d'" in said
    assert not any(word in said for word in ("hunter2", "swordfish", "\x1b"))


def test_options_do_not_show_the_url() -> None:
    """Their text, which logs and debuggers print, leaves it out."""
    assert "hunter2" not in repr(Options(storage="db://me:hunter2@host/d"))
