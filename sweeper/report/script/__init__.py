"""``best.py``: a PyTorch script, without this package, that trains a configuration and prints its curve.

`script` puts it together: `best.py.j2` is its shape; `data`, `model` and `training` say what is particular;
`source` cuts out the functions that the sweep itself trained with, `functions` imports the user's.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from sweeper.components import (
    activations,
    call_sites,
    guess,
    initializers,
    inner_loss,
    losses,
    metrics,
    models,
    outputs,
    param_groups,
    penalties,
    precision,
    rankings,
    schedules,
)
from sweeper.components.optimizers import OPTIMIZERS
from sweeper.components.tree import ROWS_PER_PASS
from sweeper.data import cells, encoding, images, sources, splits, table_objects
from sweeper.data.data import Data
from sweeper.printable import one_line
from sweeper.report.script.data import SEEDED, SEEDING, DataText, data_text
from sweeper.report.script.functions import Imported, quoted, reachable
from sweeper.report.script.model import ModelText, model_text
from sweeper.report.script.source import definitions, import_block
from sweeper.report.script.training import TrainingText, training_text
from sweeper.study.data import data_of
from sweeper.study.losses import loss_of
from sweeper.study.settings import settings as settings_of
from sweeper.study.study import Study
from sweeper.trial import is_maximized
from sweeper.user_code import observing
from sweeper.user_code.lookup import names_function
from sweeper.wording import listing

COMPONENTS = (
    *(
        images,
        sources,
        splits,
        cells,
        encoding,
        table_objects,
        activations,
        initializers,
        models,
        precision,
        observing,
        call_sites,
    ),
    *(losses, inner_loss, metrics, rankings, outputs, guess, penalties, schedules, param_groups),
    *{o.own_module: None for o in OPTIMIZERS.values() if o.own_module},
)
OWN_IMPORTS = """
import argparse
import math
import sys
import numpy as np
import pandas as pd
import torch
"""


def script(
    study: Study,
    parameters: Mapping[str, Any],
    seed: int,
    *,
    data: Data | None = None,
    recorded: float | None = None,
) -> str:
    """A script that trains the configuration `parameters` with replicate `seed` and prints the curve.

    Run with torch, numpy, pandas and scikit-learn alone, on the same machine and with the same versions,
    its numbers are those of `sweeper.training.reference.train` to the last bit. `data` is what the study
    loads; it is loaded if not given. `recorded`: the objective on record, where that engine trained it. The
    script promises it then, and says so where it comes to another: of other rows, say.

    Raises:
        UserError: if the study uses functions that no other program can import (a lambda, a function
            defined in a notebook), or objects that cannot be written down.
    """
    settings = settings_of(study, parameters)
    if names_function(settings.model):  # before its module is imported
        reachable(settings.model, "model.source")
    data = data or data_of(study)
    rows = data_text(study, data)
    model = model_text(study, settings, data, loss_of(study, data, settings))
    training = training_text(study, settings, data, seed, rows.sizes[0], model)
    context = _context(study, data, seed, rows, model, training)
    return _render({**context, "alone": recorded is not None, "recorded": recorded})


def _context(
    study: Study, data: Data, seed: int, rows: DataText, model: ModelText, training: TrainingText
) -> dict[str, Any]:
    named = (rows.imported, model.imported, model.activation, training.groups, *training.scoring.imports)
    users = [one for one in named if one]
    return {
        **_words(study, data, rows, model, training),
        "users": users,
        "data": rows,
        "model": model,
        "training": training,
        "scoring": training.scoring,
        "objective": study.search.objective,
        "highest": is_maximized(study.objective),
        "best_word": "highest" if is_maximized(study.objective) else "lowest",
        "integers": data.classes is not None or data.targets.dtype.kind in "iu",
        "has_test": rows.sizes[2] > 0,
        "fixed": data.fixed is not None,
        "classes": data.classes is not None,
        "standardize": study.data.standardize and rows.floating,
        "several": isinstance(data.inputs, tuple | dict),
        "trees": isinstance(data.inputs, tuple | dict) or training.scoring.inner is not None,
        "stars": model.stars,
        "standardize_target": study.data.standardize_target and data.classes is None,
        "split": repr(tuple(study.data.split)),
        "seed": seed,
        "apart": _apart() if model.imported or model.activation or training.scoring.imports else "",
        "test_seed": study.search.seed,
        "chunk": ROWS_PER_PASS if max(rows.sizes[1:]) > ROWS_PER_PASS else 0,
        "folders": list(dict.fromkeys(quoted(str(one.folder)) for one in users if one.folder)),
        "user_imports": _imports_of(users),
    }


def _imports_of(users: Sequence[Imported]) -> list[str]:
    """Modules of the user, each imported as the sweep does: what it draws then is seeded alike."""
    by_module: dict[str, list[str]] = {}
    for one in users:
        by_module.setdefault(one.module, []).append(one.statement)
    lines = [line for one in by_module.values() for line in (*SEEDED, *dict.fromkeys(one))]
    aliases = dict.fromkeys(line for one in users for line in one.aliases)
    return [SEEDING, *lines, *aliases] if users else []


def _apart() -> str:
    """Functions that keep evaluations out of the training: the user's model may draw and remember."""
    return "\n\n\n".join(definitions(observing, name) for name in ("seed_of", "apart"))


def _words(
    study: Study, data: Data, rows: DataText, model: ModelText, training: TrainingText
) -> dict[str, Any]:
    """What people read in the docstring, the help and the comments."""
    # loaded late: torch takes seconds
    import torch

    drawn = ["initial weights"]
    drawn += ["batch order"] if training.batch_size else []
    drawn += ["train/validation split"] if data.fixed is None else []
    return {
        "name": _in_docstring(study.name),
        "question": _in_docstring(study.question),
        "summary": {
            "data": _in_docstring(rows.what),
            "model": _in_docstring(model.what),
            "training": _in_docstring(training.what),
        },
        "seed_draws": listing(drawn),
        "torch_version": torch.__version__,
    }


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template("best.py.j2")


def _render(context: Mapping[str, Any]) -> str:
    """The script; a first pass without imports tells which ones it needs."""
    template = _template()
    draft = template.render(context, imports="", needs="")
    imports = import_block(draft, COMPONENTS, OWN_IMPORTS)
    text = template.render(context, imports=imports, needs=_needs(imports, context))
    return "\n".join(line.rstrip() for line in text.split("\n"))


def _needs(imports: str, context: Mapping[str, Any]) -> str:
    """What must be installed, and the user's own modules."""
    packages = {line.split()[1].split(".")[0] for line in imports.splitlines() if line}
    names = {"torch": "torch", "numpy": "numpy", "pandas": "pandas", "sklearn": "scikit-learn"}
    found = [name for package, name in names.items() if package in packages]
    found += ["scikit-learn"] * (context["data"].encoded and "scikit-learn" not in found)
    found += ["pyarrow"] if "read_parquet" in "".join(context["data"].lines) else []
    return listing([*found, *dict.fromkeys(one.module for one in context["users"] if one.folder)])


def _in_docstring(text: str) -> str:
    """`text` on one line, as it can stand in a docstring."""
    return one_line(text).replace("\\", "\\\\").replace('"""', "'''")
