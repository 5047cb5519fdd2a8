"""What a report leaves: the page and its files, whole, escaped, and nothing of an earlier one."""

import base64
import hashlib
import os
import re
import tomllib
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
import report_inputs
from report_inputs import Asked, changed, made_input, made_study, needs_sharpness
from synthetic_records import SyntheticRecords, synthetic_records

from sweeper.answer.answer import Answer
from sweeper.errors import RunFolderError, StateKept
from sweeper.questions import FIGURES, QUESTIONS
from sweeper.records.run_folder import reporting
from sweeper.report.best_toml import best_toml
from sweeper.report.page import begin, write
from sweeper.search.explore import points
from sweeper.study.find import builtin_studies
from sweeper.study.study import Study

EVIL = "<script>alert('x')</script>\"onload=\"y"
VOID = {"meta", "link", "img", "br"}


class Page(HTMLParser):
    """Reads a page: its tags, its text, and whether every tag is closed where it should be."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.misnested: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember the tag."""
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """It must be the last one opened."""
        if not self.open or self.open.pop() != tag:
            self.misnested.append(tag)

    def handle_data(self, data: str) -> None:
        """Text by the tag around it."""
        self.texts.setdefault(self.open[-1] if self.open else "", []).append(data)

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        """Of every tag of this name."""
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture(scope="module")
def folder(whole_report: Path) -> Path:
    """A whole report of the made-up study."""
    return whole_report


@pytest.fixture(scope="module")
def html(folder: Path) -> str:
    """Its page."""
    return (folder / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def drawn(asked: Asked) -> set[str]:
    """All figures but those of the sharpness, which nobody looked at in the made-up run."""
    unmeasured = {name for name, spec in FIGURES.items() if asked.tables[spec.table].empty}
    assert all(needs_sharpness(FIGURES[name].table, asked.run) for name in unmeasured), unmeasured
    return set(FIGURES) - unmeasured


@pytest.fixture
def undrawn() -> Iterator[None]:
    """One small picture for all figures, where pictures are not what is tested."""
    with report_inputs.undrawn():
        yield


def test_every_file_is_there(folder: Path, asked: Asked, drawn: set[str]) -> None:
    """A picture per figure at 150 dpi, a CSV per table that equals the table, no temporary file."""
    assert {file.stem for file in (folder / "figures").iterdir()} == drawn
    tables = {name for name, frame in asked.tables.every().items() if len(frame)}
    assert {file.stem for file in (folder / "tables").iterdir()} == tables
    for name in tables:
        read = pd.read_csv(folder / "tables" / f"{name}.csv", keep_default_na=False, na_values=[""])
        assert list(read) == list(asked.tables[name])
        assert len(read) == len(asked.tables[name])
    assert {file.name for file in folder.iterdir()} == {"index.html", "best.toml", "figures", "tables"}


def test_the_page_stands_alone(html: str) -> None:
    """Well nested, no address but data and its own files, a policy that names its style and script."""
    read = Page(html)
    assert read.misnested == []
    assert read.open == []
    for _, attrs in read.tags:
        for name in ("src", "href"):
            target = attrs.get(name)
            assert target is None or re.match(r"data:image/|#|tables/\w+\.csv$|figures/\w+\.png$", target)
        assert not any(name.startswith("on") or name == "style" for name in attrs)
    policy = str(read.attributes("meta")[1]["content"])
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        (allowed,) = [part for part in policy.split("; ") if part.startswith(directive)]
        texts = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts]
        assert allowed.split() == [directive, *(f"'sha256-{digest}'" for digest in sorted(digests))]
    assert "default-src 'none'" in policy
    assert re.findall(r"https?://[^'\"<]*", html) == ["http://www.w3.org/2000/svg"]  # a name, not an address


def test_the_page_is_small(html: str) -> None:
    """Under 5 MB with all figures embedded."""
    assert len(html.encode()) < 5e6


def test_pictures_have_their_size_and_an_alternative_text(html: str, folder: Path, drawn: set[str]) -> None:
    """The embedded bytes are those of the PNG file; width and height are its own."""
    images = Page(html).attributes("img")
    assert len(images) == len(drawn)
    files = {file.read_bytes() for file in (folder / "figures").iterdir()}
    for attrs in images:
        png = base64.b64decode(str(attrs["src"]).partition("base64,")[2])
        assert png in files
        assert attrs["width"] == "1200"
        assert int(str(attrs["height"])) == int.from_bytes(png[20:24], "big")
        assert len(str(attrs["alt"])) > 40


def test_contents_and_sections_agree(html: str, asked: Asked) -> None:
    """The answer comes first, then the contents, then every section that applies, each a question."""
    keys = [question.key for question in QUESTIONS if question.applies(*asked)]
    links = [a["href"] for a in Page(html).attributes("a") if str(a["href"]).startswith("#")]
    assert links == ["#answer", *(f"#{key}" for key in keys)]
    places = [html.index(f'id="{key}"') for key in ("answer", "contents", *keys)]
    assert places == sorted(places)


def test_what_users_wrote_is_escaped(undrawn: None, tmp_path: Path) -> None:
    """A question, a label, a note or a reason that is HTML stays text, also inside attributes."""
    made = synthetic_records(24, (EVIL, "relu"))
    trials = made.trials.assign(reason=made.trials["reason"].mask(made.trials["reason"] != "", EVIL))
    report = made_input(
        SyntheticRecords(trials, made.curves, made.layers), study=made_study(question=EVIL), notes=(EVIL,)
    )
    html = write(report, tmp_path).read_text(encoding="utf-8")
    assert "<script>alert" not in html
    kinds = [attrs.get("type") for attrs in Page(html).attributes("script")]
    assert kinds == ["application/json", None, None, None]
    assert html.count("&lt;script&gt;alert") > 5
    assert 'onload="y' not in html


def test_long_tables_are_cut_on_the_page_alone(undrawn: None, tmp_path: Path) -> None:
    """At most 200 rows of a table are on the page, it says so, and the CSV has them all."""
    html = write(made_input(synthetic_records(210)), tmp_path).read_text(encoding="utf-8")
    assert "The first 200 of 210 rows." in html
    for table in re.findall(r"<tbody>(.*?)</tbody>", html, re.DOTALL):
        assert table.count("<tr>") <= 200
    assert len(pd.read_csv(tmp_path / "tables" / "leaderboard.csv")) == 210


def test_sorting_keys_are_the_full_numbers(html: str, records: SyntheticRecords) -> None:
    """Cells round, the key beside them does not."""
    best = float(records.trials.query("phase != 'confirm' and outcome == 'completed'")["objective"].min())
    assert f'<td class="n" data-k="{best!r}">{best:.4f}</td>' in html


@pytest.fixture(scope="module")
def small() -> SyntheticRecords:
    """A run whose tables take little time."""
    return synthetic_records(24, ("sigmoid", "relu"))


@pytest.fixture(scope="module")
def small_report(small: SyntheticRecords) -> Callable[[Path], Path]:
    """Writes its report to a folder; the tables are computed once."""
    run = made_input(small)
    begun = begin(run, stop=lambda: True)
    return lambda folder: write(run, folder, begun=begun)


def test_nothing_of_an_earlier_report_stays(
    undrawn: None, small: SyntheticRecords, small_report: Callable[[Path], Path], tmp_path: Path
) -> None:
    """Figures, tables and the winner's files of a report that had them are gone; other files stay."""
    small_report(tmp_path)
    (tmp_path / "best.py").write_text("# an earlier winner")
    for mine in (tmp_path / "notes.txt", tmp_path / "figures" / "mine.png"):
        mine.write_text("mine")
    write(made_input(changed(small, "all failed")), tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"index.html", "figures", "tables", "notes.txt"}
    assert {file.stem for file in (tmp_path / "figures").iterdir()} == {"mine", "importances"}
    assert {file.stem for file in (tmp_path / "tables").iterdir()} == {
        "importances",
        "leaderboard",
        "reasons",
    }


def test_the_script_of_the_winner_is_left_alone(
    undrawn: None, small_report: Callable[[Path], Path], tmp_path: Path
) -> None:
    """A page with an answer does not take away best.py, which is written beside it."""
    (tmp_path / "best.py").write_text("# the winner")
    small_report(tmp_path)
    assert (tmp_path / "best.py").read_text() == "# the winner"


def test_an_interrupted_report_leaves_the_page_as_it_was(
    undrawn: None, records: SyntheticRecords, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page is written last and renamed into place: a crash before that leaves the earlier one."""
    before = write(made_input(changed(records, "all failed")), tmp_path).read_bytes()
    original = os.replace

    def crash(source: str | Path, target: str | Path) -> None:
        if Path(target).name == "index.html":
            raise KeyboardInterrupt
        original(source, target)

    monkeypatch.setattr(os, "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        write(made_input(changed(records, "all diverged")), tmp_path)
    assert (tmp_path / "index.html").read_bytes() == before


def test_a_folder_that_cannot_be_written_is_one_clear_message(
    undrawn: None, records: SyntheticRecords, tmp_path: Path
) -> None:
    """A file where the folder should be: the message names it and the option."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(RunFolderError, match=r"taken: .*; choose another --reports folder"):
        write(made_input(records), tmp_path / "taken")


def test_a_full_disk_names_the_file(
    undrawn: None, records: SyntheticRecords, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says once what cannot be written, where, and why."""
    original = os.replace

    def full(source: str | Path, target: str | Path) -> None:
        if Path(target).name == "leaderboard.csv":
            raise OSError(28, "No space left on device")
        original(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StateKept) as caught, reporting():
        write(made_input(records), tmp_path)
    file = tmp_path / "tables" / "leaderboard.csv"
    assert str(caught.value).startswith(f"the report cannot be written to {file}: No space left on device; ")
    assert str(caught.value).count("cannot be written") == 1


def test_a_report_without_an_answer_says_what_to_do(
    undrawn: None, records: SyntheticRecords, tmp_path: Path
) -> None:
    """The first screen of a run that only diverged: no answer, why, and a command."""
    html = write(made_input(changed(records, "all diverged")), tmp_path).read_text(encoding="utf-8")
    answer = html[html.index('id="answer"') : html.index('id="contents"')]
    assert "No answer: no trial completed." in answer
    assert "loss nan at step 3" in answer
    assert "sweeper run" in re.sub("<[^>]*>", "", answer)
    assert "<table" not in answer


def test_the_best_study_file_holds_the_winner(folder: Path, records: SyntheticRecords) -> None:
    """It loads as a study of one configuration: the winner's, to the last digit."""
    found = made_input(records).answer
    assert found is not None
    study = Study.load(folder / "best.toml")
    assert study.name == "made-best"
    assert study.space.size() == 1
    (only,) = study.space.configurations()
    accepted = {name: value for name, value in found.parameters.items() if name in only}
    assert only == accepted
    assert {"optimizer", "learning_rate", "activation", "activation_penalty"} <= set(only)
    assert (study.search.trials, study.confirm.finalists) == (1, 1)


def test_the_best_study_file_keeps_types_and_lists() -> None:
    """Whole numbers that a column made floats, pairs, lists as values and conditional keys all come back."""
    space = {
        "optimizer": ["adam", "sgd"],
        "learning_rate": {"low": 1e-4, "high": 1.0, "log": True},
        "learning_rate.sgd": {"low": 1e-3, "high": 10.0, "log": True},
        "betas": [[0.9, 0.999], [0.8, 0.99]],
        "momentum": [0.0, 0.9],
        "model.depth": {"low": 2, "high": 6},
        "model.width": [16, 32],
        "training.batch_size": [16, 64],
    }
    scientific = ["optimizer", "momentum"]
    study = made_study(search={"space": space, "scientific": scientific})
    chosen = {"optimizer": "adam", "learning_rate": 0.00123456789, "betas": (0.9, 0.999), "model.depth": 3.0}
    chosen |= {"model.width": 32.0, "training.batch_size": 16.0, "activation_penalty": 0.0}
    text = best_toml(study, Answer(3, chosen, 0.1, None, None, ()))
    assert tomllib.loads(text)["search"]["scientific"] == ["optimizer"]
    (only,) = Study(**tomllib.loads(text)).space.configurations()
    expected = {key: value for key, value in chosen.items() if key != "activation_penalty"}
    assert only == expected
    assert [type(only[key]) for key in ("model.depth", "model.width", "training.batch_size")] == [int] * 3


@pytest.mark.parametrize("name", builtin_studies())
def test_the_best_study_file_of_a_built_in_study_loads(name: str, tmp_path: Path) -> None:
    """Whatever it searches, compares and expects: one configuration is left, and it is the one chosen."""
    study = Study.load(builtin_studies()[name])
    (chosen,) = points(study.space, study.search.scientific, 1, 0, "sobol")
    file = tmp_path / "best.toml"
    file.write_text(best_toml(study, Answer(3, chosen, 0.1, None, None, ())), encoding="utf-8")
    (only,) = Study.load(file).space.configurations()
    assert only == {key: value for key, value in chosen.items() if key in only}
    assert set(study.space.parameters) & set(chosen) <= set(only)
