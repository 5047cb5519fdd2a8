"""The command with which a transfer goes on."""

import json
import shlex
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from transfers import CONDITIONS, LAW, LOSS, OVER, frame

from sweeper.commands.transfer.journey import next_command
from sweeper.commands.transfer.table import found, to_dict
from sweeper.commands.transfer.words import next_text
from sweeper.study.override import apply
from sweeper.study.study import Study
from sweeper.to_json import to_json

HELD = {"optimizer": "adam", "activation": "tanh"}


def applied(study: Study, words: list[str]) -> dict[str, Any]:
    """The study with the ``--set`` of a command."""
    raw = dict(study.to_dict())
    apply(raw, tuple(words[at + 1] for at, word in enumerate(words) if word == "--set"))
    return raw


@pytest.mark.parametrize("place", [1e-2, 1e-5])
def test_the_command_of_the_page_is_about_the_held_optimizer(place: float) -> None:
    """A study at the size asked for with that optimizer alone and the predicted rates; without a prediction,
    the same transfer over rates beyond the edge, or where none lies there on more seeds."""
    study = Study.load("digits")
    done = found(frame(LAW if place > 1e-3 else dict.fromkeys(LAW, place)), OVER, LOSS)
    onward = next_command(study, OVER, done, HELD, 7, ["--rates 12"])
    words = shlex.split(onward.command)
    if done.prediction is None:
        assert words[:3] == ["sweeper", "transfer", "digits"]
        same = ["--over", "model.width=16,32,64", "--to", "512", "--check", "128", "--seeds", "7"]
        assert words[-10:] == [*same, "--rates", "12"]
        _, rates = Study(trusted=True, **applied(study, words)).space.active("adam")["learning_rate"]
        _, before = study.space.active("adam")["learning_rate"]
        assert (rates.low, rates.high) == (pytest.approx(before.low / 10), before.high)
        conditions = replace(CONDITIONS, next=onward)
        assert json.loads(to_json(to_dict(done, conditions)))["next"] == onward.command
        assert next_text(done, conditions) == "Best rates lie at the edge of those tried: go beyond it:"
        flat = replace(done, optima=done.optima.assign(verdict="flat"))
        more = next_command(study, OVER, flat, HELD)
        conditions = replace(CONDITIONS, next=more)
        assert next_text(flat, conditions) == "Tell more closely where the best rates lie, with more seeds:"
        assert more.command.endswith("--to 512 --check 128 --seeds 10")
        assert " --seeds 14 " in next_command(study, OVER, flat, HELD, 7, ["--rates 12"]).command
        return
    again = Study(trusted=True, **applied(study, words))
    _, rates = again.space.active("adam")["learning_rate"]
    assert rates.low == pytest.approx(done.prediction.low, rel=0.05)
    assert again.space.entries["optimizer"].values == ("adam",)
    assert again.model.options["width"] == 512


def test_the_command_of_the_page_leaves_no_choice_in_what_was_held() -> None:
    """Whatever the study searches has one value left, the one that was held, options of the optimizer and
    numbers too; but for the rate, and for a penalty whose weight was tried."""
    space = {
        "optimizer": ["sgd", "adam"],
        "activation": ["relu", "tanh"],
        "learning_rate": {"low": 1e-4, "high": 1.0, "log": True},
        "weight_decay.adam": {"low": 1e-6, "high": 0.1, "log": True, "zero": 0.2},
        "betas": [[0.9, 0.999], [0.8, 0.99]],
        "activation_penalty": {"low": 1e-6, "high": 0.1, "log": True, "zero": 0.2},
        "model.depth": [1, 2],
        "model.width": [16, 32, 64],
    }
    study = Study(name="all", data="digits", search={"space": space})
    held = {
        **HELD,
        "weight_decay": 0.0,
        "betas": (0.8, 0.99),
        "activation_penalty": 1.25e-5,
        "model.depth": 2,
    }
    done = found(frame(LAW), OVER, LOSS)
    for penalty in (None, SimpleNamespace()):
        what = replace(done, penalty=penalty)
        words = shlex.split(next_command(study, OVER, what, held).command)
        again = Study(trusted=True, **applied(study, words))
        left = {name: values.values for name, (_, values) in again.space.active("adam").items()}
        assert left.pop("learning_rate") is None
        assert (left.pop("activation_penalty") == (1.25e-5,)) == (penalty is None)
        assert left == {
            "activation": ("tanh",),
            "weight_decay": (0.0,),
            "betas": ((0.8, 0.99),),
            "model.depth": (2,),
            "model.width": (512,),
        }
        assert again.space.entries["optimizer"].values == ("adam",)
