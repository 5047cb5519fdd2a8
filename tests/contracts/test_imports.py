"""Who may import whom: a room sees rooms below it alone, those that `MAY_IMPORT` names.

The modules of `OVERVIEW`, beside the rooms, see everything.
"""

import pytest
from import_graph import MODULES, PACKAGE, imports, name_of

OVERVIEW = {
    "sweeper",
    "sweeper.__main__",
    "sweeper.api",
    "sweeper.asked",
    "sweeper.cli",
    "sweeper.commands",
    "sweeper.exits",
    "sweeper.journey",
    "sweeper.options",
    "sweeper.result",
    "sweeper.sweep",
}
"""These alone see every room."""

WORDS = (
    "beside",
    "command_line",
    "errors",
    "loading",
    "memory",
    "passwords",
    "printable",
    "split_names",
    "spreadsheet",
    "suggestions",
    "terminal",
    "to_json",
    "toml_text",
    "version",
    "wording",
)
"""Modules that nothing stands below."""

MAY_IMPORT = {
    # ground floor
    **dict.fromkeys(WORDS, ()),
    "doctor": ("version",),
    "statistics": (),
    "measures": (),
    "drawing": (),
    "private_torch": (),
    "user_code": ("private_torch",),
    # what trials are made of
    "components": ("user_code", "private_torch"),
    "trial": ("components",),
    "data": ("components", "user_code"),
    "theory": ("components", "user_code"),
    # stages
    "study": ("trial", "components", "data", "theory", "user_code"),
    "records": ("study", "trial", "user_code"),
    "search": ("study", "trial", "records", "components", "statistics", "user_code"),
    "training": (
        "study",
        "trial",
        "components",
        "data",
        "theory",
        "measures",
        "user_code",
        "private_torch",
    ),
    "answer": ("study", "trial", "records", "components", "statistics"),
    "questions": (
        "study",
        "trial",
        "records",
        "components",
        "theory",
        "statistics",
        "drawing",
        "answer",
        "user_code",
    ),
    "report": (
        "study",
        "trial",
        "records",
        "search",
        "components",
        "data",
        "theory",
        "statistics",
        "answer",
        "questions",
        "drawing",
        "user_code",
    ),
}
"""room -> the rooms that it may import besides itself and `WORDS`, in an order in which none looks up."""

DRAW = ("sweeper.questions", "sweeper.drawing", "sweeper.commands")
ONLY_IN = {
    "optuna": "sweeper.search",
    "optuna_dashboard": "sweeper.search",
    "cloudpickle": "sweeper.training.pool",
    "distributed": "sweeper.training.pool.dask_pool",
    "joblib": "sweeper.training.pool",
    "loky": "sweeper.training.pool",
    "ray": "sweeper.training.pool.ray_pool",
    "seaborn": DRAW,
    "matplotlib": DRAW,
    "typer": ("sweeper.cli", "sweeper.commands"),
}
"""package -> the only place, or places, that import it."""

COMPUTES = {"scipy", "sklearn", "statsmodels", "torch"}
NO_TORCH = (
    "sweeper.study.space",
    "sweeper.records",
    "sweeper.answer",
    "sweeper.questions",
    "sweeper.report",
)
REFERENCE, STACKED = "sweeper.training.reference", "sweeper.training.stacked"
"""Two engines that see nothing of each other, so that their agreement is evidence."""


def inside(name: str, place: str) -> bool:
    """`name` is `place` or lies in it."""
    return name == place or name.startswith(f"{place}.")


def violations(name: str, source: str) -> list[str]:
    """What in a module breaks the import rule, one sentence each."""
    broken = [f"{name} imports {target}" for target in imports(name, source) if not allowed(name, target)]
    if inside(name, NO_TORCH[0]) or any(inside(name, place) for place in NO_TORCH[1:]):
        top = imports(name, source, at_top=True)
        broken += [f"{name} imports {target} at its top" for target in top if inside(target, "torch")]
    return broken


def allowed(name: str, target: str) -> bool:
    """Whether module `name` may import `target`."""
    first = target.split(".")[0]
    if first != "sweeper":
        only = ONLY_IN.get(first, "sweeper")
        places = (only,) if isinstance(only, str) else only
        drawing = inside(name, "sweeper.questions") or inside(name, "sweeper.drawing")
        return any(inside(name, place) for place in places) and not (drawing and first in COMPUTES)
    if (name == REFERENCE and inside(target, STACKED)) or (inside(name, STACKED) and target == REFERENCE):
        return False
    if oversees(name):
        return True
    room = name.split(".")[1]
    if oversees(target):
        return False
    words = {w for w in WORDS if room not in WORDS or WORDS.index(w) > WORDS.index(room)}
    places = {room, *MAY_IMPORT[room], *(words if room != "doctor" else ())}
    return any(inside(target, f"sweeper.{place}") for place in places)


def oversees(name: str) -> bool:
    """One of `OVERVIEW`, or inside it."""
    return name == "sweeper" or any(inside(name, each) for each in OVERVIEW - {"sweeper"})


def test_every_module_keeps_the_import_rule() -> None:
    """No module looks into a room that is none of its business."""
    texts = {name_of(file): file.read_text(encoding="utf-8") for file in MODULES}
    assert [breach for name, text in texts.items() for breach in violations(name, text)] == []


def test_every_room_has_its_rule() -> None:
    """A new room must be given a place in the order."""
    rooms = {
        path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    overview = {name.rpartition(".")[2] for name in OVERVIEW} | {"__init__"}
    assert rooms - overview == set(MAY_IMPORT)


def test_no_room_looks_up() -> None:
    """Each room may import only rooms that stand before it in the list, so that no circle is possible."""
    order = list(MAY_IMPORT)
    assert [
        (room, seen)
        for room, others in MAY_IMPORT.items()
        for seen in others
        if order.index(seen) > order.index(room)
    ] == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("sweeper.study.space", "from sweeper.records.store import load"),
        ("sweeper.study.space", "from ..search.trial import Trial"),
        ("sweeper.study.space", "from .. import journey"),
        ("sweeper.study.space", "import sweeper.answer.answer as a"),
        ("sweeper.study.space", "import torch"),
        ("sweeper.search.driver", "from sweeper.training import dispatch"),
        ("sweeper.search.driver", "def f():\n    from sweeper.training.dispatch import train_all"),
        (
            "sweeper.search.driver",
            "from importlib import import_module\nimport_module('sweeper.training.dispatch')",
        ),
        ("sweeper.training.setup", "from sweeper.search.driver import Search"),
        ("sweeper.training.setup", "import optuna"),
        ("sweeper.training.setup", "from joblib.externals.loky import get_reusable_executor"),
        ("sweeper.training.reference", "from sweeper.training.stacked.engine import train"),
        ("sweeper.training.stacked.engine", "from sweeper.training import reference"),
        ("sweeper.training.stacked.guard", "from ..reference import train"),
        ("sweeper.components.models", "from sweeper.study.study import Study"),
        ("sweeper.measures.dead", "from sweeper.training.capture import layers_of"),
        ("sweeper.records.store", "import torch.nn"),
        ("sweeper.records.store", "try:\n    import torch\nexcept ImportError:\n    pass"),
        ("sweeper.answer.answer", "from sweeper.drawing.style import themed"),
        ("sweeper.answer.answer", "import seaborn as sns"),
        ("sweeper.drawing.style", "from scipy import stats"),
        ("sweeper.drawing.style", "def f():\n    import sklearn.linear_model"),
        ("sweeper.drawing.style", "from sweeper.records.store import load"),
        ("sweeper.questions.run_data", "from sweeper.search.driver import Search"),
        ("sweeper.report.page", "from sweeper.cli import app"),
        ("sweeper.doctor.machine", "from sweeper.training.pool.local import core_count"),
        ("sweeper.journey", "import optuna"),
        (
            "sweeper.answer.answer",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import sweeper.report.page",
        ),
    ],
)
def test_a_breach_is_seen(name: str, source: str) -> None:
    """Each way around the rule, also relative, late, dynamic or for type checkers, is found."""
    assert len(violations(name, source)) >= 1


@pytest.mark.parametrize(
    ("name", "source"),
    [
        (
            "sweeper.journey",
            "from sweeper.training import dispatch\nfrom sweeper.search.driver import Search",
        ),
        ("sweeper.search.driver", "import optuna\nfrom sweeper.trial import Outcome"),
        ("sweeper.training.pool.local", "import joblib"),
        ("sweeper.training.reference", "from sweeper.components.losses import LOSSES"),
        ("sweeper.records.store", "from sweeper.records import schema\nfrom . import restore"),
        ("sweeper.report.page", "def f():\n    import torch"),
        ("sweeper.report.page", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch"),
        ("sweeper.drawing.style", "import seaborn as sns\nimport numpy as np"),
    ],
)
def test_what_is_allowed_passes(name: str, source: str) -> None:
    """The rule forbids nothing that the journey needs."""
    assert violations(name, source) == []
