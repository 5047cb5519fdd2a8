"""The winner as a study file."""

from collections.abc import Mapping
from typing import Any

import tomli_w

from sweeper.answer.answer import Answer
from sweeper.components.optimizers.option import Numbers
from sweeper.printable import HIDDEN, one_line
from sweeper.study.parameters import ALLOWED
from sweeper.study.space import Range
from sweeper.study.study import Study


def best_toml(study: Study, answer: Answer) -> str:
    """A study file that trains the winner of `study`: its values fixed in ``[search.space]``.

    Nothing is left to compare, so what the study expected is left out.

    Named ``NAME-best``, so that it runs beside the search; its one configuration is retrained on as many
    fresh seeds as a finalist was.
    """
    raw = {name: section for name, section in study.to_dict().items() if name != "expect"}
    asked = {name: value for name, value in answer.parameters.items() if name in study.space.parameters}
    space = {name: _fixed(name, _typed(study, name, value, answer)) for name, value in asked.items()}
    scientific = [
        name for name in study.search.scientific if name in space or name in ("optimizer", "activation")
    ]
    search = {**raw["search"], "trials": 1, "scientific": scientific, "space": space}
    confirm = {**raw["confirm"], "finalists": 1}
    head = f"# The winner of the study {study.name!r}: trial {answer.trial}.\n"
    if study.folder is not None and _looks_beside_itself(raw):
        head += f"# Its data and modules were found from {one_line(str(study.folder))}: run it there.\n"
    text = tomli_w.dumps({**raw, "name": f"{study.name}-best", "search": search, "confirm": confirm})
    return head + HIDDEN.sub(lambda found: f"\\U{ord(found[0]):08x}", text)


def _typed(study: Study, name: str, value: Any, answer: Answer) -> Any:
    """`value` as the study file would write it: a column with gaps turns whole numbers into floats."""
    entry = study.space.entry(name, str(answer.parameters["optimizer"]))
    if entry is None:
        return value
    values = entry[1]
    if isinstance(values, Range):
        return int(value) if values.integer else value
    return next((known for known in values.values if known == value), value)


def _fixed(name: str, value: Any) -> Any:
    """A list stands for a choice, so a value that is itself one is wrapped where it may be taken for that."""
    if isinstance(value, tuple | list):
        return list(value) if isinstance(ALLOWED.get(name.split(".")[0]), Numbers) else [list(value)]
    return value


def _looks_beside_itself(raw: Mapping[str, Any]) -> bool:
    sources = (raw["data"]["source"], raw["model"]["source"], raw["training"]["loss"])
    return any(":" in str(source) or "." in str(source) for source in sources)
