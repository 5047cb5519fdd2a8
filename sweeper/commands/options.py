"""Arguments and options that several commands share, and what a shell completes in their place."""

import ast
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from sweeper.errors import UserError, did_you_mean

RUNS, REPORTS = Path("runs"), Path("reports")
PACKAGE = Path(__file__).resolve().parents[1]


def registered(file: str, registry: str) -> dict[str, ast.expr]:
    """Names in a literal dictionary of a file of this package, with what stands beside them.

    Its text is read: importing what it lists takes longer than a command that needs none of it.
    """
    tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
    values = [node.value for node in tree.body if isinstance(node, ast.AnnAssign) and _is(node, registry)]
    (found,) = [value for value in values if isinstance(value, ast.Dict)]
    return {ast.literal_eval(key): value for key, value in zip(found.keys, found.values, strict=True) if key}


def _is(node: ast.AnnAssign, name: str) -> bool:
    return isinstance(node.target, ast.Name) and node.target.id == name


def pool_forms() -> list[str]:
    """How each pool is written, the first argument of its `Scheme`."""
    schemes = registered("training/pool/registry.py", "POOLS").values()
    return [str(ast.literal_eval(scheme.args[0])) for scheme in schemes if isinstance(scheme, ast.Call)]


TOOLS = tuple(registered("commands/export/tools.py", "TOOLS"))
"""Keys of `sweeper.commands.export.tools.TOOLS`."""


def complete_study(incomplete: str) -> list[str]:
    """Names of built-in studies, and study files of the folder that is being typed."""
    # loaded late: only a shell asks
    from sweeper.study.find import builtin_studies

    folder = incomplete[: max(incomplete.rfind("/"), incomplete.rfind("\\")) + 1]
    files = [folder + file.name for file in _listed(Path(folder or ".")) if file.suffix == ".toml"]
    return [name for name in (*builtin_studies(), *files) if name.startswith(incomplete)]


def complete_run(context: typer.Context, incomplete: str) -> list[str]:
    """Names of the runs in ``--runs``."""
    runs = Path(context.params.get("runs") or RUNS)
    names = [folder.name for folder in _listed(runs) if (folder / "study.toml").is_file()]
    return [name for name in names if name.startswith(incomplete)]


def complete_tool(incomplete: str) -> list[str]:
    """Names that ``export --to`` takes."""
    return [name for name in TOOLS if name.startswith(incomplete)]


def one_of(option: str, value: str, allowed: tuple[str, ...]) -> None:
    """Whether an option has a value that it may have.

    Raises:
        UserError: if it has not.
    """
    if value not in allowed:
        raise UserError(f"{option} {value!r}: {did_you_mean(value, list(allowed))}")


def _listed(folder: Path) -> Iterable[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return ()


StudyArgument = Annotated[
    str,
    typer.Argument(
        metavar="STUDY",
        help="A study file (.toml) or the name of a built-in study.",
        autocompletion=complete_study,
    ),
]
NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="The name of a run.", autocompletion=complete_run)
]
FirstArgument = Annotated[
    str, typer.Argument(metavar="A", help="The name of a run.", autocompletion=complete_run)
]
SecondArgument = Annotated[
    str, typer.Argument(metavar="B", help="The name of another run.", autocompletion=complete_run)
]
RunsOption = Annotated[Path, typer.Option("--runs", metavar="DIR", help="Folder of the runs.")]
ReportsOption = Annotated[Path, typer.Option("--reports", metavar="DIR", help="Folder of the reports.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a key of the study file; repeatable."),
]
FreshOption = Annotated[
    bool, typer.Option("--fresh", help="Start over: delete this run's trials and report.")
]
JobsOption = Annotated[
    int | None, typer.Option("--jobs", min=1, help="Worker processes [default: one per core]")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print only JSON.")]
StorageOption = Annotated[
    str | None,
    typer.Option(
        "--storage",
        metavar="URL",
        envvar="SWEEPER_STORAGE",
        help="Optuna storage, e.g. sqlite:///sweeper.db [default: a journal file]",
    ),
]
PoolOption = Annotated[
    str,
    typer.Option(
        "--pool",
        metavar="POOL",
        help=f"Where trials run: {', '.join(['local', *pool_forms()])}.",
    ),
]
ToOption = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="TOOL",
        help=f"{', '.join(TOOLS)} [default: {TOOLS[0]}]",
        autocompletion=complete_tool,
    ),
]
WhereArgument = Annotated[
    str | None,
    typer.Argument(metavar="DIR", help="Where it goes: a folder, and for some tools a file or a URL."),
]
