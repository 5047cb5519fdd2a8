"""The part of the script that reads a table: its columns as numbers, its targets, what splits its rows."""

from dataclasses import dataclass

from sweeper.data import cells, encoding, splits, table_objects
from sweeper.data.data import Data
from sweeper.report.script.functions import quoted
from sweeper.report.script.source import definitions, each_once
from sweeper.study.study import Study


@dataclass(frozen=True)
class TableText:
    """Constants, functions, and lines that leave `x` and `y` from a pandas `table`."""

    constants: tuple[str, ...]
    code: tuple[str, ...]
    lines: tuple[str, ...]


def is_plain(study: Study, data: Data) -> bool:
    """Whether a table is numbers alone and one target, for which a line each does."""
    section = study.data
    others = (section.columns, section.drop, section.group, section.time)
    return (
        data.encoding is None
        and not any(others)
        and not isinstance(section.stratify, str)
        and all(column.how == "number" for column in data.columns)
        and list(data.target_how.values()) in (["number"], ["text"])
    )


def function_text(study: Study, data: Data, read: str) -> TableText:
    """The same where a function of the user gives the table, by the expression `read`."""
    text, target = table_text(study, data, "plain(table[{}])"), study.data.target
    said = quoted(target) if isinstance(target, str) else repr(target and list(target))
    always = any((study.data.columns, study.data.drop, study.data.group, study.data.time))
    always |= isinstance(study.data.stratify, str)
    lines = [f"table, _, rows = table_in({read}, {said}, {always})", *text.lines]
    if data.fixed is not None and not study.data.time:
        lines.append("parts = np.split(np.arange(len(table)), np.cumsum(list(rows.values()))[:-1])")
    code = [definitions(table_objects, "table_in"), definitions(cells, "plain"), *text.code]
    return TableText(text.constants, tuple(each_once(code)), tuple(lines))


def table_text(study: Study, data: Data, cell: str = "table[{}]") -> TableText:
    """How the script gets at cells, targets and what splits the rows; `cell` is that of a column."""
    hows = "".join(f"    {quoted(column.name)}: {quoted(column.how)},\n" for column in data.columns)
    constants = [f"COLUMNS = {{  # what they are; the inputs are made of these\n{hows}}}"]
    if data.encoding is not None:
        places = "".join(f"    {name!r}: {value!r},\n" for name, value in data.encoding.places.items())
        what = "# columns of the cells as numbers; of one_hot: how many values each has"
        constants.append(f"PLACES = {{  {what}\n{places}}}".replace("'", '"'))
    lines = [
        f"x = np.hstack([as_numbers({cell.format('name')}, how) for name, how in COLUMNS.items()])",
        f"y = {_targets(data, cell)}",
        *_splitting(study, data, cell),
    ]
    code = [definitions(cells, "moments")] if study.data.time else [definitions(cells, "as_numbers")]
    code += [definitions(encoding, "encode")] if data.encoding is not None else []
    if study.data.time:
        code.append(definitions(splits, "split_in_order"))
    elif data.groups is not None:
        code.append(definitions(splits, "split_groups"))
    return TableText(tuple(constants), tuple(code), tuple(lines))


def _targets(data: Data, cell: str) -> str:
    if "text" in data.target_how.values():
        (name,) = data.target_how
        return f"np.array(texts({cell.format(quoted(name))}))"
    each = [
        f"as_numbers({cell.format(quoted(name))}, {quoted(how)})" for name, how in data.target_how.items()
    ]
    return each[0] if len(each) == 1 else f"np.hstack([{', '.join(each)}])"


def _splitting(study: Study, data: Data, cell: str) -> list[str]:
    section = study.data
    if section.time:
        end = "" if section.split[2] > 0 else "[:2]"
        how = quoted(data.order_how)
        return [
            f"order = moments({cell.format(quoted(section.time))}, {how})",
            f"parts = split_in_order(order, {tuple(section.split)!r}){end}",
        ]
    name = section.group or section.stratify
    return (
        [f"{'groups' if section.group else 'strata'} = {_numbers_of(name, cell)}"]
        if isinstance(name, str)
        else []
    )


def _numbers_of(name: str, cell: str) -> str:
    return f'as_numbers({cell.format(quoted(name))}, "category")[:, 0].astype(np.int64)'
