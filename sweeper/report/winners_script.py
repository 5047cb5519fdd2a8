"""The winner's script, asked for by a process that needs not load what makes it: a worker may."""

from collections.abc import Mapping
from typing import Any

from sweeper.data.data import Data
from sweeper.study.study import Study


def script_or_reason(
    study: Study, parameters: Mapping[str, Any], seed: int, data: Data, recorded: float | None
) -> tuple[str, str]:
    """`sweeper.report.script.script_or_reason`"""
    # loaded late: what encodes tables takes a third of a second, while a run starts
    from sweeper.report import script

    return script.script_or_reason(study, parameters, seed, data, recorded)
