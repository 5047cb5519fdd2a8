"""What a sweep says while it runs."""

import io

import pytest
from made_up import known, result
from rich.console import Console

from sweeper.report import progress as module
from sweeper.report.progress import Progress
from sweeper.trial import Outcome, Trial
from sweeper.wording import about_duration


class Clock:
    """Seconds that pass when the test says so."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that the display looks at."""
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def told(terminal: bool = False) -> tuple[io.StringIO, Console]:
    """A console and what is written to it."""
    text = io.StringIO()
    return text, Console(file=text, force_terminal=terminal, width=60)


def finished(number: int, value: float, outcome: Outcome | None = None, phase: str = "explore") -> object:
    """A trial that has just finished."""
    return result(Trial(number, phase, 0, {}), value, outcome)


def test_a_line_has_counts_best_rate_and_time_left(clock: Clock) -> None:
    """Outcomes other than completed are named; the rate is that of this call."""
    text, console = told()
    with Progress(10, 4, False, console) as progress:
        progress.resume([known(0, {}, 0.5), known(1, {}, float("inf"))])
        progress.phase("explore")
        clock.now += 2
        progress.add(finished(2, 0.25))
        progress.add(finished(3, 0.75, Outcome.PRUNED))
        progress.add(finished(4, 0.1, Outcome.FAILED))
        clock.now += 1
        assert progress.line() == (
            "explore: 5/10 trials, 1 pruned, 1 diverged, 1 failed, best 0.25, 1 trials/s, about 9 s left"
        )
        progress.phase("confirm", done=3)
        progress.add(finished(2, 0.3, phase="confirm"))
    lines = text.getvalue().splitlines()
    assert lines[0] == "resuming after 2 finished trials"
    assert lines[1].startswith("explore: 2/10 trials, 1 diverged, best 0.5")
    assert "4/4 confirmations" in lines[-1]
    assert all("\x1b" not in line for line in lines)


def test_fewer_trials_than_on_record_are_told(clock: Clock) -> None:
    """All on record count, whatever the study asks for now; as many, or fewer, need no word."""
    for asked, more in ((3, ""), (2, ""), (1, "; search.trials = 1 leaves none of them out")):
        text, console = told()
        with Progress(asked, 0, False, console) as progress:
            progress.resume([known(0, {}, 0.5), known(1, {}, 0.25)])
        assert text.getvalue().splitlines()[0] == f"resuming after 2 finished trials{more}"


def test_a_race_that_ended_early_is_not_unfinished(clock: Clock) -> None:
    """Trainings that it did not need are told, and no time is left for them."""
    _, console = told()
    with Progress(2, 8, False, console) as progress:
        progress.phase("confirm")
        clock.now += 1
        progress.add(finished(0, 0.5), finished(1, 0.5), finished(0, 0.4, phase="confirm"))
        assert "1/8 confirmations, best" in progress.line()
        progress.race_over()
        assert "1/1 confirmations (7 fewer than planned: the race is over), best" in progress.line()
        assert progress.left is None


@pytest.mark.parametrize("terminal", [False, True])
def test_more_than_is_asked_for_is_no_share_above_one(clock: Clock, terminal: bool) -> None:
    """An earlier call was asked for six trials and four confirmations, this one for four and none."""
    text, console = told(terminal)
    with Progress(4, 0, False, console) as progress:
        progress.resume([known(number, {}, 0.5) for number in range(6)])
        progress.phase("confirm", done=4)
        clock.now += 1
        assert progress.left is None
        assert progress.line().startswith("confirm: 6/6 trials, 4/4 confirmations, best 0.5")
    assert not any(share in text.getvalue() for share in ("6/4", "4/0"))


def test_counts_of_thousands_are_grouped(clock: Clock) -> None:
    """As on the page: 10,000, and not 10000."""
    _, console = told()
    with Progress(10_000, 0, False, console) as progress:
        progress.resume([known(number, {}, float("inf")) for number in range(9_999)])
        clock.now += 1
        progress.add(finished(9_999, 0.5, Outcome.PRUNED))
        assert progress.line().startswith("start: 10,000/10,000 trials, 1 pruned, 9,999 diverged")


def test_what_comes_together_is_told_together(clock: Clock) -> None:
    """A stack of 20 is no reason to expect as long for each of the others as for its first."""
    text, console = told()
    progress = Progress(40, 0, False, console)
    clock.now += 10
    progress.add(*(finished(number, 0.5) for number in range(20)))
    assert text.getvalue().splitlines() == ["start: 20/40 trials, best 0.5, 2 trials/s, about 10 s left"]


def test_the_time_left_knows_the_clock_of_the_search(clock: Clock) -> None:
    """Trials that no time is left for are not waited for; confirmations are."""
    progress = Progress(1000, 20, True, told()[1])
    clock.now += 10
    progress.add(finished(0, 0.25))
    progress.add(finished(1, 0.5))
    assert progress.left == pytest.approx(998 / 0.2 + 20 / 0.2)
    progress.search_ends = clock.now + 30
    assert progress.left == pytest.approx(30 + 20 / 0.2)
    clock.now += 40
    assert progress.left == pytest.approx(20 / (2 / 50))


def test_plain_lines_come_at_most_every_few_seconds(clock: Clock) -> None:
    """A log file is not flooded, and a long line is not broken."""
    text, console = told()
    with Progress(1000, 0, False, console) as progress:
        for number in range(200):
            clock.now += 0.1
            progress.add(finished(number, 0.5))
    lines = text.getvalue().splitlines()
    assert 4 <= len(lines) <= 6
    assert all(line.startswith("start: ") and "trials/s" in line for line in lines)
    assert max(map(len, lines)) > 60


def test_quiet_says_nothing(clock: Clock) -> None:
    """Whatever happens."""
    text, console = told(terminal=True)
    with Progress(10, 0, True, console) as progress:
        progress.note("a note")
        progress.phase("explore")
        clock.now += 60
        progress.add(finished(0, 0.5))
    assert text.getvalue() == ""


def test_a_terminal_that_cannot_replace_lines_gets_plain_ones(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    """``TERM=dumb``, as editors set it: no table, and a line every few seconds."""
    monkeypatch.setenv("TERM", "dumb")
    text, console = told(terminal=True)
    with Progress(10, 4, False, console) as progress:
        progress.phase("explore")
        assert progress._live is None
        clock.now += 60
        progress.add(finished(0, 0.5))
        assert "1/10 trials" in text.getvalue()


def test_a_terminal_shows_a_table_that_goes_when_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Done, pruned, diverged, best, rate and time left; at the end one line stays."""
    monkeypatch.setenv("TERM", "xterm")
    text, console = told(terminal=True)
    with Progress(10, 4, False, console) as progress:
        progress.phase("explore")
        progress.add(finished(0, 0.5))
        assert progress._live is not None
        progress._live.refresh()
    shown = text.getvalue()
    assert all(
        word in shown for word in ("1/10 search", "0/4 confirm", "1 completed", "best 0.5", "trials/s")
    )
    assert "explore: 1/10 trials" in shown.rstrip().splitlines()[-1]


@pytest.mark.parametrize(
    ("seconds", "words"), [(3, "3 s"), (89, "89 s"), (600, "10 min"), (7200, "2.0 h")], ids=str
)
def test_durations_are_rounded(seconds: float, words: str) -> None:
    """Seconds, minutes, hours."""
    assert about_duration(seconds) == words


def test_a_notebook_has_one_display(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last state replaces the one before, and stands below what has to stay; the console gets nothing."""
    states: list[list[str]] = []
    monkeypatch.setattr(module, "notebook_display", lambda: lambda lines: states.append(list(lines)))
    text, console = told(terminal=True)
    with Progress(3, 0, False, console) as progress:
        for number in range(3):
            clock.now += 1
            progress.add(finished(number, 0.5))
            if number == 1:
                progress.warn("a file is damaged")
    assert text.getvalue() == ""
    assert states[0][0].startswith("start: 1/3 trials")
    assert states[-1][0] == "a file is damaged"
    assert states[-1][1].startswith("start: 3/3 trials")
    assert len(states[-1]) == 2
