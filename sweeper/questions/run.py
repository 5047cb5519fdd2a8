"""What exactly was run, so that it can be run again."""

from collections.abc import Mapping
from typing import Any

from sweeper.questions.question import Question, Tables
from sweeper.questions.run_data import RunData
from sweeper.questions.seeds import draws, split_in_words
from sweeper.user_code.calls import source_of
from sweeper.version import versions
from sweeper.wording import count, duration, listing, shown


def sentences(run: RunData, tables: Tables) -> tuple[str, ...]:
    """How many trainings of what on what."""
    study, trials = run.study, run.trials
    confirm = int((trials["phase"] == "confirm").sum())
    text = f"{count(len(trials) - confirm, 'configuration')} of {name_of(study.model.source)} on "
    text += f"{name_of(study.data.source)}"
    text += f", then {count(confirm, 'training')} on fresh seeds" if confirm else ", none of them confirmed"
    return (f"{text}.", *run.notes)


def name_of(written: Any) -> str:
    """A source as the study file writes it."""
    return source_of(written) if callable(written) else str(written)


def facts(run: RunData, tables: Tables) -> Mapping[str, str]:
    """Seeds, lengths, engines, times, versions."""
    study, trials = run.study, run.trials
    training, search = study.training, study.search
    length = (
        count(training.steps, "step")
        if training.steps
        else f"{shown(training.epochs)} {'epoch' if training.epochs == 1 else 'epochs'}"
    )
    rows = f"batches of {training.batch_size}" if training.batch_size != "full" else "full batches"
    space = study.space.parameters
    if any(f"training.{key}" in space for key in ("steps", "epochs")):
        length = "length searched"
    if "training.batch_size" in space:
        rows = "batch size searched"
    loss = name_of(training.loss)
    if "training.loss" in space:
        loss = "searched"
    seeds = sorted(trials.loc[trials["phase"] == "confirm", "seed"].unique())
    engines = trials["engine"].value_counts()
    found = {
        "Study": study.name,
        "Question": study.question,
        "Training": f"{length}, {rows}, {training.dtype}, device {training.device}",
        "Loss": f"{loss}; trials are ranked by their {run.ranked.best} {run.metric}",
        "Search": f"sampler {search.sampler}, {_pruning(search.pruner)}, seed {search.seed}",
        "Fresh seeds": listing([str(seed) for seed in seeds])
        if len(seeds) <= 20
        else count(len(seeds), "seed"),
        "Rows": split_in_words(run),
        "A seed draws": draws(run),
        "Engines": listing([f"{_engine(name)} ({count(int(n), 'training')})" for name, n in engines.items()]),
        "Training time": f"{duration(float(trials['seconds'].sum()))}, summed over all trainings",
        "Wall time": duration(run.seconds) if run.seconds is not None else "",
        "Versions": f"{versions()} (where this page was written)",
    }
    return {label: value for label, value in found.items() if value}


def _pruning(pruner: str) -> str:
    """``pruner halving``; none is no name of one."""
    return "without pruning" if pruner == "none" else f"pruner {pruner}"


def _engine(name: str) -> str:
    """The page's word: ``stacked`` for what records and ``--engine`` call ``fused``."""
    return "stacked" if name == "fused" else name


def study_file(run: RunData, tables: Tables) -> Mapping[str, str]:
    """As it was validated."""
    return {"The study file, defaults filled in": run.study.to_toml()}


QUESTION = Question(
    key="run",
    question="What exactly was run?",
    sentences=sentences,
    facts=facts,
    sources=study_file,
)
