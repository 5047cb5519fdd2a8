"""Every mistake in a study file: the key, the value, what is allowed and what was meant; all at once."""

import inspect
from pathlib import Path

import pytest
import torch
from torch import nn

from sweeper.components.activations import ACTIVATIONS
from sweeper.components.initializers import INITIALIZERS
from sweeper.components.losses import LOSSES
from sweeper.components.metrics import names
from sweeper.components.models import MODELS
from sweeper.components.optimizers import OPTIMIZERS
from sweeper.components.schedules import SCHEDULES
from sweeper.data.sources import DATASETS
from sweeper.errors import StudyError
from sweeper.study.arguments import SUPPLIED
from sweeper.study.check_losses import ALWAYS
from sweeper.study.expect import CHECKS
from sweeper.study.study import Study

BETTER = '[expect]\ncheck = "better"\nfinding = "f"\nsource = "s"\n'
SECTIONS = "name, question, data, model, training, search, confirm, expect"
MLP = {*inspect.signature(MODELS["mlp"]).parameters} - SUPPLIED | {"init"}
AMOUNTS = ("r2", "mae", "rmse")
STANDS_FOR = {
    "{mlp}": ", ".join(sorted({*MLP, "source", "keep", "swap"})),
    "{mlp_searched}": ", ".join(sorted(MLP)),
    "{function}": "package.module:function",
    "{files}": "a .csv file, a .parquet file, a .npz file, a .pt file",
    "{sections}": SECTIONS,
    "{training}": "loss, epochs, steps, batch_size, schedule, evaluations, timeout, dtype, device, "
    "label_smoothing, class_weight, quantile, ignore_index, metrics, compile, param_groups",
    "{parameters}": "optimizer, activation, penalty_kind, schedule, learning_rate, activation_penalty, "
    "momentum, nesterov, dampening, weight_decay, betas, eps, model.*, training.*",
    "{plain}": "values must be finite numbers, words, true, false or lists of them",
    "{softmax}": f"not for hidden layers: {ACTIVATIONS['softmax'].note}. To search it anyway, set "
    'search.allow_activations = ["softmax"]',
    "{activations}": ", ".join(ACTIVATIONS),
    "{datasets}": ", ".join(DATASETS),
    "{initializers}": ", ".join(INITIALIZERS),
    "{metrics}": ", ".join(names()),
    "{objectives}": ", ".join([*ALWAYS, *(f"validation_{n}" for n in names() if n not in AMOUNTS)]),
    "{losses}": ", ".join(LOSSES),
    "{models}": ", ".join(MODELS),
    "{optimizers}": ", ".join(OPTIMIZERS),
    "{with momentum}": ", ".join(name for name, entry in OPTIMIZERS.items() if "momentum" in entry.options),
    "{checks}": ", ".join(CHECKS),
    "{schedules}": ", ".join(SCHEDULES),
}


def cases() -> list[tuple[str, str]]:
    """(study file, message) of every block in mistakes.txt."""
    found = []
    for block in (Path(__file__).parent / "mistakes.txt").read_text(encoding="utf-8").split("\n\n")[1:]:
        text, _, message = block.strip().partition("\n-> ")
        for placeholder, meaning in STANDS_FOR.items():
            message = message.replace(placeholder, meaning)
        found.append((text, message))
    return found


def mistakes_in(text: str, folder: Path, name: str = 'name = "s"\n') -> list[str]:
    """The lines of the error that a study file gives; none if it loads."""
    file = folder / "bad.toml"
    file.write_text(name + text, encoding="utf-8")
    try:
        Study.load(file)
    except StudyError as error:
        head, *lines = str(error).splitlines()
        count = "1 mistake" if len(lines) == 1 else f"{len(lines)} mistakes"
        assert head == f"{file}: {count}"
        return [line.removeprefix("  ") for line in lines]
    return []


@pytest.mark.parametrize(("text", "message"), cases())
def test_a_mistake_is_said_in_one_line(text: str, message: str, tmp_path: Path) -> None:
    """Key, value, what is allowed, what was meant: the whole text."""
    assert mistakes_in(text, tmp_path) == [message]


def test_the_cases_are_found() -> None:
    """The file of mistakes is read whole."""
    assert len(cases()) > 100
    assert not any("{" in message.replace("{'a'", "") for _, message in cases())


def test_a_name_is_needed_and_checked(tmp_path: Path) -> None:
    """The name becomes a folder: letters, digits, - and _."""
    assert mistakes_in("", tmp_path, "") == ["name: missing; a study needs it"]
    assert mistakes_in("", tmp_path, 'name = "a/b"') == ["name = 'a/b': letters, digits, - and _ only"]


def test_all_mistakes_come_at_once(tmp_path: Path) -> None:
    """Wrong types hide no wrong names, in whatever section; mistakes come in the order of the sections."""
    found = mistakes_in(
        """
        nme = 3
        [data]
        split = 3
        sourc = "digits"
        [model]
        source = "mlp"
        dept = 3
        init = "hee"
        [training]
        epochs = -1
        steps = 10
        loss = "mss"
        schedule = "cosin"
        [search]
        trials = 0
        scientific = ["optimizr"]
        [search.space]
        learning_rate = { low = 0, high = 1, log = true }
        optimizer = ["sgd", "adm"]
        momentm = 0.9
        [confirm]
        seeds = "many"
        """,
        tmp_path,
        'name = "a b"',
    )
    assert [line.split(":")[0].split(" ")[0] for line in found] == [
        "nme",
        "name",
        "data.split",
        "data.sourc",
        "model.init",
        "model.dept",
        "training.epochs",
        "training.schedule",
        "training.loss",
        "search.trials",
        "search.space.learning_rate.low",
        "search.space.momentm",
        "search.space.optimizer",
        "search.scientific",
        "confirm.seeds",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "[model]\nwidth = -4\n[search.space]\nlearning_rate = { low = 0.1, high = 1.0, prior = 9.0 }",
            ["model.width = -4", "search.space.learning_rate.prior = 9.0"],
        ),
        (
            '[search.space]\n"model.width" = { low = -4, high = 8, step = 1, zero = 2, prior = 9 }',
            [
                "search.space.model.width.zero",
                "search.space.model.width.prior",
                "search.space.model.width = -4",
            ],
        ),
        ('[search.space]\nactivation = ["relu", "relu", "rellu"]', ["'relu' is listed twice", "= 'rellu'"]),
        (
            '[model]\nnorm = "bath"\ndropout = -0.5\ndepth = "x"\noutput = "soft"',
            ["model.depth = 'x'", "model.norm = 'bath'", "model.dropout = -0.5", "model.output = 'soft'"],
        ),
        ('[data]\nsource = "teacher"\nrows = 2\nwidth = 0', ["data.rows = 2", "data.width = 0"]),
        ('[model]\nsource = "cnn"\nchannels = [8, 0]', ["model.channels = [8, 0]: must be at least 1"]),
    ],
)
def test_no_mistake_hides_another(text: str, told: list[str], tmp_path: Path) -> None:
    """Whatever can be found without the rest being right is found in the first call."""
    found = mistakes_in(text, tmp_path)
    assert len(found) == len(told)
    assert all(any(part in line for line in found) for part in told), found


@pytest.mark.parametrize(
    ("space", "rest"),
    [
        ('optimizer = "momentun"\nmomentum = 0.9', ""),
        ('optimizer = ["adm", "sgd"]\nbetas = [0.9, 0.99]\n"learning_rate.adam" = 0.1', ""),
        ('optimizer = "adm"', "[[search.try]]\nbetas = [0.9, 0.99]\nlearning_rate = 0.1"),
        ('optimizer = "adm"', '[[search.try]]\noptimizer = "adam"\nlearning_rate = 0.01'),
        ("optimizer = []\nmomentum = [0.0, 0.9]", ""),
        ("learning_rate = { low = 0.1, high = 0.01 }", "[[search.try]]\nlearning_rate = 0.05"),
        ('momentm = 0.9\noptimizer = "sgd"', '[search]\nscientific = ["momentum"]'),
        ('activation = ["rellu", "tanh"]', f'{BETTER}parameter = "activation"\nvalue = "relu"'),
    ],
)
def test_nothing_is_said_that_follows_from_a_mistake(space: str, rest: str, tmp_path: Path) -> None:
    """One misspelt name is one mistake, whatever else speaks of it."""
    assert len(mistakes_in(f"{rest}\n[search.space]\n{space}", tmp_path)) == 1


@pytest.mark.parametrize("objective", ["validation_mine", "validation_acuracy"])
def test_an_objective_is_not_judged_beside_a_score_that_is_refused(objective: str, tmp_path: Path) -> None:
    """It may be that score under its right name; nor is its direction asked for."""
    text = f'[training]\nmetrics = ["no_such_module:mein"]\n[search]\nobjective = "{objective}"'
    (said,) = mistakes_in(text, tmp_path)
    assert said.startswith("training.metrics")


def test_losses_can_be_searched_where_they_can_be_compared(tmp_path: Path) -> None:
    """Losses are ranked by the share of errors alone, and all are for the same kind of targets."""
    space = '[search.space]\n"training.loss" = ["cross_entropy", "torch.nn.functional:multi_margin_loss"]'
    assert mistakes_in(space, tmp_path) == [
        "search.space.training.loss: values of different losses cannot be ranked by validation_loss: set "
        'search.objective = "validation_error", or run one study for each loss'
    ]
    judged = '[search]\nobjective = "validation_error"\n'
    assert mistakes_in(judged + space, tmp_path) == []
    assert mistakes_in(judged + space.replace("cross_entropy", "mse"), tmp_path) == [
        "search.space.training.loss: all losses must be for the same kind of targets as training.loss "
        "(classification)"
    ]


def test_what_is_compared_evenly_does_not_depend_on_the_optimizer(tmp_path: Path) -> None:
    """A scientific parameter has one list of values for all."""
    activations = 'activation = ["relu", "tanh"]\n"activation.sgd" = ["elu"]'
    assert mistakes_in(f'[search.space]\noptimizer = ["sgd", "adam"]\n{activations}', tmp_path) == [
        "search.scientific = 'activation': what is compared evenly has the same values for all optimizers; "
        "leave out "
        "activation.sgd"
    ]


@pytest.mark.parametrize("key", ["allow_activations", "insist"])
def test_softmax_can_be_allowed(key: str, tmp_path: Path) -> None:
    """`allow_activations`, also under its former name, lets hidden layers have it."""
    assert mistakes_in(f'[search]\n{key} = ["softmax"]\nspace = {{ activation = "softmax" }}', tmp_path) == []


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
@pytest.mark.parametrize("device", ["cuda", "cuda:3"])
def test_a_device_that_is_not_there(device: str, tmp_path: Path) -> None:
    """The study is refused before anything runs, with a way on."""
    assert mistakes_in(f'[training]\ndevice = "{device}"', tmp_path) == [
        f"training.device = '{device}': torch finds no CUDA device on this machine; use auto or cpu, and "
        f"ask: sweeper "
        "doctor"
    ]


def test_a_data_file_that_is_not_there(tmp_path: Path) -> None:
    """The message names the places that were looked in."""
    assert mistakes_in('[data]\nsource = "nope.csv"\ntarget = "y"', tmp_path) == [
        f"data.source = 'nope.csv': no such file nope.csv (looked in {tmp_path} and {Path.cwd()})"
    ]


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("", "data.target: missing; name the column to predict; columns: height, weight, kind"),
        (
            'target = "knd"',
            "data.target = 'knd': no such column; did you mean 'kind'? columns: height, weight, kind",
        ),
        (
            'target = "kind"\nrows = 3',
            "data.rows = 3: unknown key; allowed: source, target, columns, drop, stratify, group, time, "
            "classes, split, standardize, standardize_target",
        ),
    ],
)
def test_the_target_of_a_table(section: str, message: str, tmp_path: Path) -> None:
    """A table needs the name of one of its columns, and nothing else."""
    (tmp_path / "t.csv").write_text("height,weight,kind\n1,2,a\n", encoding="utf-8")
    assert mistakes_in(f'[data]\nsource = "t.csv"\n{section}', tmp_path) == [message]


def test_functions_ask_for_keys(tmp_path: Path) -> None:
    """An argument that nobody gives is a mistake of the study, for models and data."""
    (tmp_path / "asking.py").write_text(
        "def model(in_features, hidden): ...\ndef data(rows): ...\n", encoding="utf-8"
    )
    assert mistakes_in('data = "asking:data"\nmodel = "asking:model"', tmp_path) == [
        "data.rows: missing; data asks for it",
        "model.hidden: missing; model asks for it. Without a key it is given only activation, code_sizes, "
        "in_features, "
        "in_shape, "
        "init, out_features",
    ]


def test_unknown_keywords_in_python() -> None:
    """The Python interface is as strict as the file."""
    with pytest.raises(StudyError) as caught:
        Study(nme="x", training={"epochs": "20"})
    assert str(caught.value).splitlines() == [
        "study: 3 mistakes",
        f"  nme = 'x': unknown key; did you mean 'name'? allowed: {SECTIONS}",
        "  name: missing; a study needs it",
        "  training.epochs = '20': must be a number",
    ]


@pytest.mark.parametrize(
    ("model", "space", "message"),
    [
        (
            'source = "own:asking"\nswap = ["a.*"]',
            'activation = "tanh"',
            "model.swap = ['a.*']: asking asks for activation and decides where it goes, so nothing is "
            "swapped; leave it out",
        ),
        (
            'source = "own:plain"\nkeep = ["gate"]',
            'optimizer = "sgd"',
            "model.keep = ['gate']: nothing is swapped without search.space.activation; give that, or leave "
            "this out",
        ),
        (
            'source = "own:plain"\nswap = []',
            'activation = "tanh"',
            "model.swap = []: must name activation layers, for example ['net.*']; leave it out for the "
            "hidden ones",
        ),
        (
            'source = "own:plain"',
            'activation = "tanh"\n"model.keep" = ["a", "b"]',
            "search.space.model.keep: cannot be searched; set model.keep",
        ),
    ],
)
def test_patterns_of_activation_layers_that_do_nothing(
    model: str, space: str, message: str, tmp_path: Path
) -> None:
    """`swap` and `keep` are for functions that do not ask, where activations are searched."""
    (tmp_path / "own.py").write_text("def plain(): ...\ndef asking(activation): ...\n", encoding="utf-8")
    assert mistakes_in(f"[model]\n{model}\n[search.space]\n{space}", tmp_path) == [message]


@pytest.mark.parametrize("given", [[nn.Tanh], ["relu", nn.Tanh], nn.Tanh])
def test_classes_in_a_space_are_named_by_their_module(given: object) -> None:
    """Workers and records take names: the message shows how one is written."""
    with pytest.raises(StudyError, match="write classes and functions by name, as in 'my_module:Tanh'"):
        Study(name="own", data="digits", search={"space": {"activation": given}})


@pytest.mark.parametrize(
    "settings", [{"model": "__main__:net"}, {"search": {"space": {"activation": "__main__:A"}}}]
)
def test_names_of_a_script_are_refused_before_workers_look_for_them(settings: dict[str, object]) -> None:
    """What lies in `__main__` exists in the process that asks alone."""
    with pytest.raises(StudyError, match="which worker processes cannot import"):
        Study(name="own", **{"data": "digits", **settings})
