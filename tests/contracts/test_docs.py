"""The pages say what is so: their links, commands, studies and code work, and the README is true.

Their tables are checked by `test_docs_reference.py`, the tutorial's numbers by `test_docs_tutorial.py`.
"""

import itertools
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer.main
from pages import LINK as LINKS
from pages import (
    PAGES,
    ROOT,
    SHELLS,
    Block,
    anchors,
    blocks,
    code_words,
    commands,
    files_of,
    name_in,
    prose,
    section,
    shown,
    table,
    text_of,
)

import sweeper
from sweeper.cli import app
from sweeper.errors import RunFailed, UserError
from sweeper.study.data import data_of
from sweeper.study.find import builtin_studies
from sweeper.study.sections import Section
from sweeper.study.study import Study
from sweeper.study.template import write_template
from sweeper.training.preflight import check_configurations, swapped_layers
from sweeper.training.setup import Task

MADE_BY_RUNS = {"reports/gallery.png"}
"""A picture that git keeps although runs make it."""
MISTAKEN = {"mistakes.toml"}
"""The example of a study that is wrong."""
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
OPTIONS = {option for each in typer.main.get_command(app).params for option in each.opts}
every_page = pytest.mark.parametrize("page", PAGES, ids=shown)


Workshop = Callable[[str | Path], dict[str, Path]]


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """Sets up a folder with the files of a page, data files included, and goes there."""

    def set_up(page: str | Path) -> dict[str, Path]:
        if "import lightning\n" in text_of(page):
            pytest.importorskip("lightning", reason="make tools installs it")
        files = files_of(page, tmp_path)
        monkeypatch.chdir(tmp_path)
        for file in files:
            if file.startswith("make_"):  # writes a data file
                exec(files[file].read_text(encoding="utf-8"), {})
        rows = np.random.default_rng(0).normal(size=(40, 4))  # what the README leaves to its reader
        np.savetxt(tmp_path / "my_data.csv", rows, delimiter=",", header="a,b,c,price", comments="")
        return files

    return set_up


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    """A link names a file of the project, and a heading that its page has."""
    broken = []
    for target in LINKS.findall(prose(page)):
        if target.startswith("https://"):
            continue
        path, _, fragment = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        known = file.exists() or file.relative_to(ROOT).as_posix() in MADE_BY_RUNS
        if not known or (fragment and fragment not in anchors(file)):
            broken.append(target)
    assert broken == []


def test_what_runs_make_is_kept_by_git() -> None:
    """The pictures that links may name before they exist are not ignored."""
    assert all(f"!{name}" in text_of(".gitignore").splitlines() for name in MADE_BY_RUNS)


@every_page
def test_commands_exist(page: Path) -> None:
    """Every `sweeper` command takes the arguments and options that a page gives it."""
    for command, *arguments in commands(page, "sweeper"):
        if command.startswith("--"):
            assert command in OPTIONS, f"{shown(page)}: sweeper {command}"
        elif command != "COMMAND":
            assert command in COMMANDS, f"{shown(page)}: sweeper {command}"
            if arguments:  # a command alone is only being named
                upto = arguments.index(">") if ">" in arguments else len(arguments)  # a file of the shell
                COMMANDS[command].make_context(command, list(arguments[:upto]))


@every_page
def test_make_targets_exist(page: Path) -> None:
    """Every `make` target that a page names is in the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))
    assert {words[0] for words in commands(page, "make")} <= targets


@every_page
def test_studies_of_commands_load(page: Path, workshop: Workshop) -> None:
    """`sweeper run` is shown with studies that are valid, overrides included."""
    files = workshop(page)
    for command, *arguments in commands(page, "sweeper"):
        if command == "init":
            files[arguments[0]] = write_template(Path(arguments[0]))
        if command == "run" and arguments and arguments[0] != "STUDY" and arguments[0] not in MISTAKEN:
            overrides = [b for a, b in itertools.pairwise(arguments) if a == "--set"]
            known = {**builtin_studies(), **files}
            assert Study.load(known[arguments[0]], tuple(overrides)).name


TOML = [block for page in PAGES for block in blocks(page, "toml") if block.file not in MISTAKEN]


@pytest.mark.parametrize("block", TOML, ids=lambda block: f"{shown(block.page)}-{block.text[:24]!r}")
def test_study_examples_are_valid(block: Block, workshop: Workshop, tmp_path: Path) -> None:
    """Every TOML block is a whole study that loads."""
    workshop(block.page)
    (tmp_path / "study.toml").write_text(block.text, encoding="utf-8")
    assert Study.load(tmp_path / "study.toml").to_dict()["name"] == tomllib.loads(block.text)["name"]


@every_page
def test_python_blocks_compile(page: Path) -> None:
    """Python on the pages is Python, names only what the package exports, and keeps its own assertions."""
    for block in blocks(page, "python"):
        code = compile(block.text, shown(page), "exec")
        assert set(re.findall(r"\bsweeper\.(\w+)\(?", block.text)) <= set(sweeper.__all__)
        if "assert " in block.text:
            exec(code, {"__name__": "page"})


@every_page
def test_blocks_say_their_language(page: Path) -> None:
    """A block without a known language would be checked by nobody."""
    assert {b.language for b in blocks(page)} <= SHELLS | {"toml", "python", "text", "json"}


OWN = {
    "iris.toml": "docs/your-own-model.md",
    "waves.toml": "docs/your-own-model.md",
    "vae.toml": "docs/your-own-model.md",
    "padded.toml": "docs/your-own-model.md",
    "my_study.toml": "README.md",
    "photos.toml": "docs/images.md",
    "words.toml": "docs/sequences.md",
    "lit.toml": "docs/lightning.md",
    "speech.toml": "docs/sequences.md",
    "sensor.toml": "docs/own-loop.md",
    "language.toml": "docs/sequences.md",
    "sales.toml": "docs/tabular.md",
    "told.toml": "docs/tabular.md",
    "embedding.toml": "docs/tabular.md",
}
"""Studies with a model or data of one's own, and the pages that hold all their files."""


@pytest.mark.parametrize("name", OWN)
def test_own_models_can_be_trained(name: str, workshop: Workshop) -> None:
    """The studies with a model or data of one's own pass every check that comes before training."""
    files = workshop(OWN[name])
    for override in [(), ("training.loss=my_losses:log_cosh",)] if name == "waves.toml" else [()]:
        study = Study.load(files[name], override)
        assert set(check_configurations(Task(study, data_of(study)))) == {""}


def test_the_padded_example_is_swapped_as_the_page_says(workshop: Workshop) -> None:
    """Both calls are hidden, the one before the mask too."""
    study = Study.load(workshop("docs/your-own-model.md")["padded.toml"])
    (line,) = [n for n, text in enumerate(Path("padded.py").read_text().splitlines(), 1) if "F.relu(" in text]
    call = f"padded.py:{line} relu in the model"
    assert swapped_layers(Task(study, data_of(study)))[0] == f"swapped: {call}, {call} #2; kept: none"


def test_the_python_study_is_valid() -> None:
    """The study that a page makes from a function of Python validates."""
    (block,) = [
        b
        for b in blocks("docs/your-own-model.md", "python")
        if "sweeper.Study(" in b.text and "__main__" in b.text
    ]
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(block.text.partition("    result =")[0], names)
    assert isinstance(names["study"], Study)


def test_the_readme_lists_every_command() -> None:
    """The table of commands is the command line, and the options of `run` are named."""
    told = {name_in(row["Command"]).split()[1] for row in table("README.md", "Commands", "Command")}
    assert told == set(COMMANDS)
    options = {
        option
        for parameter in COMMANDS["run"].params
        if not getattr(parameter, "hidden", False)
        for option in parameter.opts
        if option[:1] == "-"
    }
    assert options <= set(code_words(section("README.md", "Commands")))


def test_the_readme_tells_the_exit_codes() -> None:
    """The exit codes are those of the errors."""
    told = re.search(r"Exit codes: (.+)", text_of("README.md"))
    assert told
    codes = {int(code) for code in re.findall(r"\b(\d+)\b", told.group(1))}
    assert codes == {0, RunFailed.exit_code, UserError.exit_code, 130}


def test_the_readme_lists_the_sections_and_the_rooms() -> None:
    """Every section of a study file and every folder of the package is told about."""
    told = {name_in(row["Section"]) for row in table("README.md", "The study file in short", "Section")}
    parts = [name for name, field in Study.model_fields.items() if isinstance(field.default, Section)]
    assert told == {"[search.space]", *(f"[{name}]" for name in parts)}
    (rooms,) = [b.text for b in blocks("README.md", "text") if "journey.py" in b.text]
    there = {path.parent.name for path in (ROOT / "sweeper").glob("*/__init__.py")}
    assert set(re.findall(r"  (\w+)/ ", rooms)) == there


def test_windows_installs_what_make_installs() -> None:
    """The commands for Windows install like the Makefile."""
    (windows,) = blocks("README.md", "powershell")
    line = re.search(r"pip install .*", text_of("Makefile").replace("--disable-pip-version-check ", ""))
    assert line
    assert line.group() in windows.text
