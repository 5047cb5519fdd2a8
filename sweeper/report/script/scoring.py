"""Loss and scores in the script: the functions themselves, and how they are called."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sweeper.components import guess, losses, outputs
from sweeper.components.losses import LOSSES, Loss
from sweeper.components.metrics import Metric
from sweeper.data.data import Data
from sweeper.report.script.functions import Imported, imported, literal
from sweeper.report.script.inner import ROLE, InnerText, inner_text
from sweeper.report.script.source import definitions, each_once, renamed
from sweeper.study.check_losses import metric_name
from sweeper.study.losses import loss_of, target_form
from sweeper.study.settings import Settings
from sweeper.study.study import Study
from sweeper.user_code.lookup import is_built_in

PLAIN = '''\
def loss_function(output, target):
    """−log softmax(output)[target], mean over rows; output (n, classes), target (n,) of class numbers."""
    return F.cross_entropy(output, target)'''

FORMED = f'''\
def loss_function(output, target):
    """The loss, of targets in the form of the data set."""
    return {ROLE}(output, as_given(target))'''


@dataclass(frozen=True)
class ScoringText:
    """What the template says about loss and scores."""

    code: tuple[str, ...]
    """Functions, in order."""
    is_users: bool
    """Whether the loss is the user's."""
    inner: InnerText | None
    """How the model computes it, where it does."""
    loss: Imported | None
    """The function of the user."""
    users: tuple[Imported, ...]
    """Scores of the user."""
    trained: str
    """The function that is trained on: `loss_function`, or another where it is smoothed or weighted."""
    weight: str
    """Weights of the classes as code; empty where there are none."""
    point: str
    """The predictions, from `output`, as code."""
    calls: Mapping[str, str]
    """Name of each built-in score -> its call"""
    users_calls: Mapping[str, str]
    fits: str
    """When the built-in scores are computed, as code; empty for always"""

    @property
    def imports(self) -> list[Imported]:
        """Functions of the user."""
        return [*([self.loss] if self.loss else []), *self.users]

    @property
    def names(self) -> list[str]:
        """Of all scores."""
        return [*self.calls, *self.users_calls]


def scoring_text(study: Study, settings: Settings, data: Data, seed: int) -> ScoringText:
    """Loss and scores of a configuration.

    Raises:
        UserError: if the user's loss or a score of the user's cannot be imported by others.
    """
    loss = loss_of(study, data, settings, seed)
    built_in = [metric for metric in loss.metrics if metric.task]
    inner, output = inner_text(loss), 'output["output"]' if loss.inner else "output"
    point = f"{loss.point.__name__}(output)" if loss.point else output
    code, trained, weight = _loss(settings, data, loss)
    code += [inner.loss] if inner else []
    code += [_code(metric) for metric in built_in]
    if loss.point:
        code.append(definitions(losses, loss.point.__name__))
    if loss.is_users:
        code += [definitions(outputs, name) for name in ("suits", "copied", "joined")]
    sources = [m for m in settings.metrics if not is_built_in(m)]
    users = [imported(m, "training.metrics", metric_name(m), study.folder) for m in sources]
    form = target_form(data, settings)
    copies = "as_given(copied(y))" if form else "copied(y)"
    if form and not inner:
        code += [form.code(), FORMED]
    if users and not loss.is_users:
        code.append(definitions(outputs, "copied"))
    return ScoringText(
        code=tuple(each_once(code)),
        is_users=loss.is_users,
        inner=inner,
        loss=_users_loss(study, settings, loss, bool(form)) if loss.is_users else None,
        users=tuple(users),
        trained=trained,
        weight=weight,
        point=point,
        calls={metric.name: _call(metric, "output" if point == "output" else "point") for metric in built_in},
        users_calls={name: f"{name}(copied({output}), {copies})" for name in map(metric_name, sources)},
        fits=f"suits({literal(loss.task, 'task')}, {point}, y, {loss.classes})" if loss.is_users else "",
    )


def _loss(settings: Settings, data: Data, loss: Loss) -> tuple[list[str], str, str]:
    """Its functions, the name of the one that is trained on, and the weights of classes."""
    if loss.is_users:
        return [], "loss_function", ""
    if loss.function is losses.cross_entropy and loss.task == "classification":  # no options are set
        return [PLAIN], "loss_function", ""
    name = LOSSES[str(settings.loss)].function.__name__
    source = definitions(losses, name)
    scored, trained = _options(loss.scored), _options(loss.function)
    balanced = settings.class_weight is not None and "class_weight" in loss.options
    if not scored and not trained and not balanced:
        return [renamed(source, name, "loss_function")], "loss_function", ""
    code = [source, f"def loss_function(output, target):\n    return {name}(output, target{scored})"]
    if not balanced and trained == scored:
        return code, "loss_function", ""
    extra, given = (", weight=weight", ", weight") if balanced else ("", "")
    code.append(
        f"def training_loss(output, target{given}):\n    return {name}(output, target{trained}{extra})"
    )
    if not balanced:
        return code, "training_loss", ""
    weight = _weight(settings, data, loss)
    if "(" in weight:
        code.insert(0, definitions(guess, weight.partition("(")[0]))
    return code, "training_loss", weight


def _weight(settings: Settings, data: Data, loss: Loss) -> str:
    if not isinstance(settings.class_weight, str):
        given = list(settings.class_weight or ())
        return repr([[one] for one in given] if loss.task == "binary" else given)
    if loss.task == "binary":
        return "side_weights(y_train.cpu().numpy())"
    ignored = f", {settings.ignore_index}" if loss.task == "sequence" else ""
    return f"class_weights(y_train.cpu().numpy(), {len(data.classes or ())}{ignored})"


def _options(function: Callable[..., Any]) -> str:
    """``, quantile=0.9``: what is fixed of a loss, without the weights."""
    fixed = function.keywords if isinstance(function, partial) else {}
    return "".join(f", {key}={literal(v, key)}" for key, v in fixed.items() if key != "weight")


def _users_loss(study: Study, settings: Settings, loss: Loss, formed: bool) -> Imported | None:
    """A function, or a class such as ``torch.nn.HuberLoss`` of which one object is made.

    `formed`: `loss_function` calls it with other targets.
    """
    if loss.inner and loss.inner.function is None:
        return None
    role = ROLE if loss.inner or formed else "loss_function"
    user = imported(settings.loss, "training.loss", role, study.folder)
    if not isinstance(user.function, type):
        return user
    user = imported(settings.loss, "training.loss", "Loss", study.folder)
    return replace(user, aliases=(*user.aliases, f"{role} = Loss()"))


def _code(metric: Metric) -> str:
    function = metric.function
    return definitions(sys.modules[function.__module__], function.__name__)


def _call(metric: Metric, output: str) -> str:
    extra = "".join(f", {key}={literal(value, key)}" for key, value in metric.arguments)
    return f"{metric.function.__name__}({output}, y{extra})"
