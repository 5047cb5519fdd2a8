"""``sweeper init``: a commented study file to start from; the names in it are those of the registries."""

import re
import textwrap
import typing
from collections.abc import Iterable
from pathlib import Path

from sweeper.command_line import command_line
from sweeper.components.activations import ACTIVATIONS
from sweeper.components.initializers import INITIALIZERS
from sweeper.components.losses import LOSSES
from sweeper.components.metrics import names as metric_names
from sweeper.components.models import MODELS
from sweeper.components.optimizers import EXAMPLES, OPTIMIZER_OPTIONS, OPTIMIZERS
from sweeper.components.penalties import PENALTIES
from sweeper.components.schedules import SCHEDULES
from sweeper.data.files import ENDINGS
from sweeper.data.sources import DATASETS
from sweeper.errors import UserError
from sweeper.printable import printable
from sweeper.study.arguments import SUPPLIED
from sweeper.study.check_losses import ALWAYS
from sweeper.study.rates import search_rates
from sweeper.study.sections import SearchSection

WIDTH = 110
TEMPLATE = """\
# A study: one question about one model and one data set. Run it with: sweeper run {file}
name = "{name}"
question = "Which learning rate, optimizer, activation and activation penalty suit my model and data?"

[data]
{data}
source = "digits"
# target = "label"                   # .csv and .parquet: the column to predict
split = [0.6, 0.2, 0.2]              # train, validation, test; test rows never move
standardize = true                   # inputs; mean and deviation of the training rows
standardize_target = false           # the same for targets that are real numbers

[model]
{model}
source = "mlp"
depth = 3                            # further keys are arguments of the model function
width = 64
{init}
init = "auto"
# A model function that does not ask for activation gets its hidden activation layers swapped. Otherwise:
# swap = ["net.*"]                   # names of the activation layers to swap
# keep = ["*.gate"]                  # names of those to keep

[training]
{loss}
loss = "cross_entropy"
epochs = 20                          # or: steps = 2000
batch_size = 64                      # or "full": plain gradient descent
{schedule}
schedule = "constant"
evaluations = 20                     # looks at the validation data, evenly spaced
timeout = 600                        # seconds that one trial may take
dtype = "float32"                    # or "float64"
device = "auto"                      # or "cpu", "cuda", "cuda:1", "mps"
compile = "auto"                     # machine code if it pays; or true, false
# label_smoothing = 0.1              # cross_entropy and bce, while training
# class_weight = "balanced"          # the same: by the training rows of each seed; or one for each class
# ignore_index = -100                # tokens of cross_entropy over sequences that count for nothing
# quantile = 0.9                     # that loss quantile predicts
# param_groups = "decay_weights"     # no weight decay on biases and norms; or package.module:function
# metrics = ["auc"]                  # more scores to record: names, or package.module:function

[search]
trials = 60                          # configurations, in all: a second run with more goes on from here
# minutes = 10                       # train what fits
seed = 0
{sampler}
sampler = "auto"                     # ten first trials, then a Gaussian process
{pruner}
pruner = "halving"
{objective}
objective = "validation_loss"
# maximize = true                    # of a score of your own; for others the name says it
scientific = ["optimizer", "activation"]   # compared fairly: every value as often as any other

[search.space]                       # a value is fixed, a list is a choice, a table is a range
{optimizer}
optimizer = {examples}
{activation}
activation = ["tanh", "relu", "gelu"]
# Learning rates: left out, every optimizer has its own range, here:
{rates}
# learning_rate = {{ low = 1e-4, high = 1.0, log = true, prior = 1e-2 }}   # for all; prior: a likely best
# The weight of the mean over elements of |a| or a², summed over activation layers; a quarter of all has 0.
activation_penalty = {{ low = 1e-4, high = 1.0, log = true, zero = 0.25 }}
{penalty}
penalty_kind = "l2"
{more}
# weight_decay = {{ low = 1e-6, high = 1e-2, log = true, zero = 0.25 }}
# "model.depth" = [2, 3, 6]          # most keys of [model] and [training] can be searched

# [[search.try]]                     # a configuration to train first; what it leaves out is as in the default
# optimizer = "{example}"
# learning_rate = 3e-3

[confirm]
finalists = 5                        # the best of the search and the best of each scientific value …
seeds = 10                           # … trained anew on fresh seeds, on average; clear losers drop out early
# matters = 0.02                     # near ties: the share of the loss that you would care about
"""


OBJECTIVES = (*ALWAYS, *(f"validation_{name}" for name in metric_names()))


def write_template(path: Path) -> Path:
    """Write a study file that loads and runs as it is; returns where.

    ``.toml`` is added where no ending is given; in a folder the file is called ``mystudy.toml``.

    Raises:
        UserError: if the file is there already, has another ending, or cannot be written.
    """
    file = path / "mystudy.toml" if path.is_dir() else path
    file = file if file.suffix else file.with_name(f"{file.name}.toml")
    if file.suffix != ".toml":
        raise UserError(f"{file}: a study file ends in .toml")
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", file.stem).strip("-") or "mystudy"
    try:
        with file.open("x", encoding="utf-8") as sink:
            sink.write(template(name, printable(file.name)))
    except FileExistsError:
        raise UserError(f"{file} is there already; give another name, or remove it first") from None
    except FileNotFoundError:
        raise UserError(
            f"{file} cannot be written: there is not a folder {file.parent}; make it first"
        ) from None
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror}") from None
    return file


def template(name: str, file: str) -> str:
    """The text of a study file called `name`, to be run from `file`."""
    given = f"which is given what it asks for by name: {', '.join(sorted(SUPPLIED))} and any key of [model]"
    return TEMPLATE.format(
        name=name,
        file=command_line([file]),
        data=_listed("Built in:", DATASETS, f"; or a {', '.join(ENDINGS)} file; or package.module:function"),
        model=_listed("Built in:", MODELS, f"; or package.module:function, {given}"),
        init=_listed("auto (the scheme that suits the activation),", INITIALIZERS, ""),
        loss=_listed("", LOSSES, "; or package.module:function"),
        schedule=_listed("", SCHEDULES, ""),
        **{key: _listed("", _allowed(key), "") for key in ("sampler", "pruner")},
        objective=_listed("", OBJECTIVES, "; or validation_ and a name of [training] metrics"),
        optimizer=_listed("", OPTIMIZERS, ""),
        examples=f"[{', '.join(map(_quoted, EXAMPLES))}]",
        example=EXAMPLES[-1],
        rates="\n".join(f"# {_range_of(name)}" for name in EXAMPLES),
        activation=_listed("", (a.name for a in ACTIVATIONS.values() if a.elementwise), ""),
        penalty=_listed("", PENALTIES, ""),
        more=_listed(
            "Further parameters, each for the optimizers that take it:", sorted(OPTIMIZER_OPTIONS), ""
        ),
    )


def _allowed(key: str) -> Iterable[str]:
    """The words that a key of [search] may be."""
    words: tuple[str, ...] = typing.get_args(SearchSection.model_fields[key].annotation)
    return words


def _quoted(name: str) -> str:
    return f'"{name}"'


def _range_of(optimizer: str) -> str:
    """The learning rates of one optimizer, as a line of a study file."""
    low, high = (str(rate).replace("e-0", "e-") for rate in search_rates(optimizer))
    return f'"learning_rate.{optimizer}" = {{ low = {low}, high = {high}, log = true }}'


def _listed(before: str, names: Iterable[str], after: str) -> str:
    """Names in comment lines."""
    text = f"{before} {', '.join(names)}{after}".strip()
    return textwrap.fill(text, WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
