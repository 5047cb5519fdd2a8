"""Advice on a study before anything is trained: what, why, and the command that tests it.

Each reason says what it stands on: computed, measured on the data, or a rule of thumb with its source. A new
kind of advice is one file with a function of `Facts`, and one line in `advise`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sweeper.errors import UserError
from sweeper.report.advice.depth import advise_depth
from sweeper.report.advice.facts import Facts, ProfileNetwork, facts_about
from sweeper.report.advice.hidden import advise_hidden
from sweeper.report.advice.inputs import advise_inputs
from sweeper.report.advice.item import MEASURED, Advice, Asked, Reason
from sweeper.report.advice.loss import advise_loss
from sweeper.report.advice.output import advise_output
from sweeper.report.advice.penalty import advise_penalty
from sweeper.report.advice.rates import advise_rates
from sweeper.study.override import apply
from sweeper.study.study import Study
from sweeper.toml_text import in_toml
from sweeper.wording import listing

PARTS = {"data.standardize": "inputs", "data.standardize_target": "targets"}

__all__ = ["Advice", "Asked", "Reason", "advise"]


def advise(study: Study, profile: ProfileNetwork) -> list[Advice]:
    """All advice on `study`, in the order in which one would follow it.

    `profile` is `sweeper.training.initial_profile.profile_network`: it builds the model and measures it
    before training.

    Raises:
        UserError: if data or model cannot be had.
    """
    facts = facts_about(study, profile)

    def change(settings: Mapping[str, Any]) -> Facts | None:
        try:
            return facts_about(changed(facts.study, settings), profile, thorough=False)
        except UserError:
            return None

    return [
        *advise_inputs(facts),
        *advise_loss(facts),
        *advise_output(facts),
        *advise_hidden(facts),
        *advise_depth(facts, change),
        *(_scaled(facts, each) for each in (*advise_rates(facts), *advise_penalty(facts))),
    ]


def _scaled(facts: Facts, one: Advice) -> Advice:
    """Rates and weights that were measured with standardized data are for standardized data: they say so, and
    their settings standardize it."""
    scaling = facts.scaling
    if not scaling:
        return one
    parts = listing([PARTS[key] for key in scaling])
    takes = ", as the command has them" if one.settings else ""
    reason = Reason(f"all of this is for standardized {parts}, see above{takes}", MEASURED)
    return replace(
        one, reasons=(*one.reasons, reason), settings={**scaling, **one.settings} if one.settings else {}
    )


def changed(study: Study, settings: Mapping[str, Any]) -> Study:
    """`study` with `settings` on top, as ``--set`` would have it.

    Raises:
        UserError: if that is no valid study.
    """
    raw = study.to_dict()
    apply(raw, tuple(f"{key}={in_toml(value)}" for key, value in settings.items()))
    return Study(folder=study.folder, **raw)
