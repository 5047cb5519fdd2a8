"""The data part of the script: lines that give the arrays that `sweeper.data.load` gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sweeper.components.tree import leaves
from sweeper.data import images, sources, splits
from sweeper.data.data import Data
from sweeper.data.files import ENDINGS, PAIRS, TABLES, TRIPLES, find, find_folder, names_folder
from sweeper.data.in_memory import InMemory
from sweeper.data.sources import DATASETS
from sweeper.data.table_files import separator_of
from sweeper.errors import UserError
from sweeper.printable import one_line
from sweeper.report.script.functions import Imported, call, imported, quoted
from sweeper.report.script.several import EACH, KINDS, STANDARDIZED, pair_of, pairs_as_read
from sweeper.report.script.source import definitions
from sweeper.report.script.table import function_text, is_plain, table_text
from sweeper.split_names import SPLITS
from sweeper.study.study import Study

PAIRED = "pair_of({})"
SEEDING = "# What is drawn at random here is drawn as in the sweep."
SEEDED = ("torch.manual_seed(0)", "np.random.seed(0)", "random.seed(0)")

ARRAY = '''\
def array(values):
    """A numpy array of an array, a list or a tensor."""
    if not isinstance(values, torch.Tensor):
        return np.asarray(values)
    values = values.detach().cpu()
    return (values.double() if values.is_floating_point() else values).numpy()'''

NUMBERS = '''\
def numbers(column):
    """A column of the table as float64; text is parsed."""
    if column.dtype.kind in "biuf":
        return column.to_numpy(dtype=np.float64)
    truth = {"true": 1, "false": 0}
    return np.array([float(truth.get(str(cell).strip().lower(), cell)) for cell in column])'''


@dataclass(frozen=True)
class DataText:
    """What the template says about data."""

    what: str
    """In words, for the docstring."""
    constants: tuple[str, ...]
    code: tuple[str, ...]
    """Functions, in order."""
    lines: tuple[str, ...]
    """Body that leaves arrays `x` and `y`, and `parts` where the data came split."""
    imported: Imported | None
    sizes: tuple[int, ...]
    """Rows of train, validation and test."""
    floating: bool
    """Whether inputs are real numbers (else tokens)."""
    split: str
    """The call that gives the row numbers of the parts."""
    scaled: int
    """How many columns are standardized, the first ones, where `encode` makes the inputs; else 0."""
    encoded: bool
    """Whether it does."""


def data_text(study: Study, data: Data) -> DataText:
    """How the script gets at the rows of `study`, of which `data` is what the sweep saw.

    Raises:
        UserError: if a file is gone, or a function cannot be imported by others.
    """
    if data.is_streamed:
        raise UserError(
            f"{data.name}: rows that do not fit into memory are streamed, and a script holds all rows"
        )
    if data.several is not None:
        raise UserError(f"{data.name}: items have several targets, and a script reads one")
    read = _reading(study, data)
    floating = data.has_real_inputs
    as_read = _several(data) or read.of_cells
    inputs = _inputs(data) if read.any_numbers and floating and not as_read else []
    return DataText(
        what=_what(data),
        constants=read.constants,
        code=(*((EACH, KINDS) if _several(data) else ()), *read.code, *_splitting(study, data, floating)),
        lines=(*read.lines, *inputs, *_targets(data, read.any_numbers)),
        imported=read.imported,
        sizes=_sizes(study, data),
        floating=floating,
        split=_split(data),
        scaled=0 if data.encoding is None else data.encoding.scaled,
        encoded=data.encoding is not None,
    )


@dataclass(frozen=True)
class _Reading:
    """How arrays `x` and `y` come into being."""

    lines: Sequence[str]
    code: tuple[str, ...] = ()
    constants: tuple[str, ...] = ()
    imported: Imported | None = None
    any_numbers: bool = True
    """Whether they may be of any kind of number; else inputs are float64 and class numbers int64."""
    of_cells: bool = False
    """Whether inputs come from `as_numbers`: they are float64."""


def _reading(study: Study, data: Data) -> _Reading:
    source, options = study.data.source, dict(study.data.options)
    if isinstance(source, InMemory):
        raise UserError(
            f"data.source is {source}, which no other program has; name a data function or a file"
        )
    ending = Path(source).suffix.lower() if isinstance(source, str) else ""
    if ending in TABLES:
        path, target = find(str(source), study.folder).resolve(), quoted(str(study.data.target))
        file = f"FILE = {quoted(str(path))}"
        if not is_plain(study, data):
            text = table_text(study, data)
            return _Reading(
                [_reader(path, ", skipinitialspace=True"), *text.lines],
                text.code,
                (file, *text.constants),
                of_cells=True,
            )
        return _Reading(_table(path, data), (NUMBERS,), (file, f"TARGET = {target}  # the column to predict"))
    if ending in ENDINGS:
        path = find(str(source), study.folder).resolve()
        code = (ARRAY,) if ending == ".pt" else ()
        return _Reading(_arrays(path, data), code, (f"FILE = {quoted(str(path))}",))
    if isinstance(source, str) and names_folder(source):
        path = find_folder(source, study.folder).resolve()
        lines = _returned(call("image_folder", {"folder": str(path), **options}, "data"), data, "{}")
        return _Reading(lines, (definitions(images, "image_folder"),))
    if isinstance(source, str) and source in DATASETS:
        name = DATASETS[source].__name__
        lines = _returned(call(name, options, "data"), data, "{}")
        return _Reading(lines, (definitions(sources, name),), any_numbers=False)
    user = imported(source, "data.source", "read_data", study.folder)
    read, seeded = call("read_data", options, "data"), (SEEDING, *SEEDED)
    if data.read == "table":
        text = function_text(study, data, read)
        return _Reading([*seeded, *text.lines], text.code, text.constants, imported=user, of_cells=True)
    if data.read == "items":
        target, loaders = pairs_as_read(user.function, options, data, study.data.target)
        named = (f"TARGET = {quoted(target)}  # of an item",) if target else ()
        lines = [
            *seeded,
            f"found = {read}",
            *SEEDED,
            *loaders,
            *_returned("found", data, "array({})", PAIRED),
        ]
        return _Reading(lines, (ARRAY, pair_of(target)), named, imported=user)
    return _Reading([*seeded, *_returned(read, data, "array({})")], (ARRAY,), imported=user)


def _splitting(study: Study, data: Data, floating: bool) -> list[str]:
    code = [definitions(splits, "split_rows")] if data.fixed is None and data.groups is None else []
    if _several(data) and study.data.standardize and floating:
        return [*code, definitions(splits, "standardized"), STANDARDIZED]
    if (study.data.standardize and floating) or (study.data.standardize_target and data.classes is None):
        code.append(definitions(splits, "standardize_columns"))
    return code


def _several(data: Data) -> bool:
    return isinstance(data.inputs, tuple | dict)


def _split(data: Data) -> str:
    if data.groups is not None:
        return "split_groups(groups, SPLIT, seed=seed, test_seed=TEST_SEED)"
    strata = splits.strata_of(data)
    labels = "None" if strata is None else "strata" if data.strata is not None else "y"
    rows = "y" if _several(data) else "x"
    return f"split_rows(len({rows}), SPLIT, seed=seed, test_seed=TEST_SEED, labels={labels})"


def _what(data: Data) -> str:
    shapes = [" × ".join(map(str, array.shape[1:])) or "1" for array in leaves(data.example)]
    shape = " and ".join(shapes)
    targets = f"{len(data.classes)} classes" if data.classes else "real targets"
    inputs = "input" if shape == "1" else "inputs"
    return f"{data.name}, {data.rows} rows of {shape} {inputs}, {targets}"


def _sizes(study: Study, data: Data) -> tuple[int, ...]:
    if data.fixed is not None:
        return tuple(len(data.fixed[part]) for part in SPLITS)
    seed = study.search.seed
    return tuple(map(len, splits.rows_of_parts(data, study.data.split, seed=seed, test_seed=seed)))


def _table(path: Path, data: Data) -> list[str]:
    words = not data.classes_are_numbers
    text = "table[TARGET].astype(str).str.strip().to_numpy(dtype=str)"
    return [
        _reader(path),
        "x = np.stack([numbers(table[name]) for name in table if name != TARGET], axis=1)",
        f"y = {text if words else 'numbers(table[TARGET])'}",
    ]


def _reader(path: Path, more: str = "") -> str:
    if path.suffix.lower() == ".parquet":
        return "table = pd.read_parquet(FILE).rename(columns=str)"
    with path.open(encoding="utf-8-sig") as lines:
        first = next(lines)
    how = f'sep={quoted(separator_of(first))}, dtype=str, keep_default_na=False, encoding="utf-8-sig"{more}'
    return f"table = pd.read_csv(FILE, {how}).rename(columns=str.strip)"


def _arrays(path: Path, data: Data) -> list[str]:
    """Lines for a file of arrays; which of the names it may have, it has, is looked up now."""
    found: Any
    if path.suffix.lower() == ".npz":
        read, form = "np.load(FILE)", "{}"
        with np.load(path, allow_pickle=False) as archive:
            found = list(archive.files)
    else:
        # loaded late: torch takes seconds
        import torch

        read, form = 'torch.load(FILE, map_location="cpu", weights_only=True)', "array({})"
        found = torch.load(path, map_location="cpu", weights_only=True)
    if isinstance(found, tuple | list) and path.suffix.lower() == ".pt":
        return _returned(read, data, form)
    if "train" in found:
        return _returned(read, data, form)
    lines = [f"data = {read}"]
    for inputs, targets in PAIRS:
        if inputs in found and targets in found:
            return [*lines, f"x, y = {_item(inputs, form)}, {_item(targets, form)}"]
    pairs = [f"({_item(x, form)}, {_item(y, form)})" for x, y, part in TRIPLES if part in _parts(data)]
    return [*lines, f"pairs = [{', '.join(pairs)}]", *_joined("{}")]


def _item(name: str, form: str) -> str:
    return form.format(f'data["{name}"]')


def _returned(read: str, data: Data, form: str, pair: str = "{}") -> list[str]:
    """Lines for ``(inputs, targets)``, or for a dict of such pairs by part; `pair`: what makes it one."""
    if data.fixed is None:
        read = pair.format(read)
    if _several(data):
        return _several_returned(read, data, pair)
    if data.fixed is None:
        return (
            [f"x, y = {read}"] if form == "{}" else [f"x, y = ({form.format('values')} for values in {read})"]
        )
    return [f"data = {read}", f"pairs = [{_pairs(data, pair)}]", *_joined(form)]


def _pairs(data: Data, pair: str) -> str:
    return ", ".join(pair.format(f'data["{part}"]') for part in _parts(data))


def _several_returned(read: str, data: Data, pair: str) -> list[str]:
    """The same where inputs are a tuple or a dict."""
    if data.fixed is None:
        return [f"x, y = {read}", "x, y = each(array, x), array(y)"]
    return [
        f"data = {read}",
        f"pairs = [{_pairs(data, pair)}]",
        "x = each(lambda *parts: np.concatenate(parts), *(each(array, inputs) for inputs, _ in pairs))",
        "ys = [array(targets) for _, targets in pairs]",
        "y = np.concatenate(ys)",
        "parts = np.split(np.arange(len(y)), np.cumsum([len(part) for part in ys[:-1]]))",
    ]


def _joined(form: str) -> list[str]:
    """The parts one below the other, and who has which rows."""
    return [
        f"x, y = (np.concatenate([{form.format('pair[i]')} for pair in pairs]) for i in (0, 1))",
        "parts = np.split(np.arange(len(x)), np.cumsum([len(pair[0]) for pair in pairs[:-1]]))",
    ]


def _parts(data: Data) -> Sequence[str]:
    assert data.fixed is not None
    return [part for part in SPLITS if len(data.fixed[part])]


def _inputs(data: Data) -> list[str]:
    column = ".reshape(len(x), 1)" if data.inputs.shape[1:] == (1,) else ""  # may have come flat
    return [f"x = x{column}.astype(np.float64)"]


def _targets(data: Data, any_numbers: bool) -> list[str]:
    if data.targets.dtype.kind in "iu" and data.targets.ndim > 1:
        return ["y = y.astype(np.int64)"]
    if data.classes is None:
        return ["y = y.reshape(len(y), -1).astype(np.float64)"]
    if data.classes == tuple(map(str, range(len(data.classes)))):
        return ["y = y.reshape(-1).astype(np.int64)"] if any_numbers else []
    shown = ", ".join(one_line(name)[:20] for name in data.classes[:4])
    more = ", …" if len(data.classes) > 4 else ""
    return [
        f"# Class numbers in sorted order: {shown}{more}",
        "y = np.unique(y.reshape(-1), return_inverse=True)[1]",
    ]
