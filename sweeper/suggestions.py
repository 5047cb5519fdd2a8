"""What a word that is not allowed was meant for: another name for the same thing, or a slip of the pen."""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from itertools import islice

LONGEST = 200
"""Characters of a word that something is suggested for."""
MOST = 2000
"""Names among which one like the word is looked for."""
SHORTEST = 3
"""Letters that make a name recognisable at the beginning of a longer one."""

SYNONYMS: dict[str, tuple[str, ...]] = {
    # schedules
    "fixed": ("constant",),
    "none": ("constant",),
    "cosineannealing": ("cosine",),
    "onecyclelr": ("one_cycle",),
    "noam": ("inverse_sqrt",),
    "linearwarmup": ("warmup_cosine",),
    # what is compared
    "loss": ("validation_loss",),
    "accuracy": ("validation_accuracy", "validation_error"),
    "validationacc": ("validation_accuracy",),
    "error": ("validation_error",),
    # initializers
    "kaiming": ("he",),
    "kaimingnormal": ("he",),
    "glorot": ("xavier",),
    "default": ("torch", "auto"),
    # samplers and pruners
    "bayes": ("gp", "tpe"),
    "bayesian": ("gp", "tpe"),
    "bo": ("gp", "tpe"),
    "gaussianprocess": ("gp",),
    "sobol": ("qmc",),
    "halton": ("qmc",),
    "quasirandom": ("qmc",),
    "exhaustive": ("grid",),
    "evolution": ("cmaes",),
    "asha": ("halving",),
    "hyperband": ("halving",),
    "successivehalving": ("halving",),
    "off": ("none",),
    "false": ("none",),
    # keys
    "lr": ("learning_rate",),
    "wd": ("weight_decay",),
    "decay": ("weight_decay",),
    "l1penalty": ("activation_penalty",),
    "beta1": ("betas",),
    "beta2": ("betas",),
    "nonlinearity": ("activation",),
    "ntrials": ("trials",),
    "budget": ("trials",),
    "randomseed": ("seed",),
    "layers": ("depth",),
    "nlayers": ("depth",),
    "hidden": ("width",),
    "units": ("width",),
    "hiddensize": ("width",),
    "batch": ("batch_size",),
    "lrschedule": ("schedule",),
    "scheduler": ("schedule",),
    "iterations": ("steps",),
    "normalize": ("standardize",),
    "label": ("target",),
    "val": ("validation",),
    "valid": ("validation",),
    "dev": ("validation",),
    "min": ("low",),
    "max": ("high",),
    # models, devices, types
    "fc": ("mlp",),
    "dense": ("mlp",),
    "conv": ("cnn",),
    "gru": ("rnn",),
    "lstm": ("rnn",),
    "resnet": ("residual_mlp",),
    "gpu": ("cuda",),
    "half": ("float32",),
    "float16": ("float32",),
    "double": ("float64",),
    "float": ("float32",),
}
"""A name that the field uses, folded -> names of ours for the same, the first that is allowed counts.

Those of optimizers, activations and losses stand in their entries, as ``aliases``; functions have none.
"""


def suggestion(word: str, allowed: Collection[str]) -> str:
    """The one of `allowed` that `word` was meant for; empty where none is near.

    Near is: the same but for capitals, ``-`` and ``_``; another name of the same thing; up to one letter in
    four wrong, left out, too much or exchanged with its neighbour; or the beginning of the other. Where
    `allowed` is a catalogue, its entries' ``aliases`` are other names.
    """
    if len(word) > LONGEST:
        return ""
    meant = _folded(word)
    by_form: dict[str, str] = {}
    for name in islice(allowed, MOST):
        by_form.setdefault(_folded(name), name)
    if meant in by_form:
        return by_form[meant]
    for name in (*_aliased(meant, allowed), *SYNONYMS.get(meant, ())):
        if name in allowed:
            return name
    alike = [form for form in by_form if abs(len(form) - len(meant)) <= len(meant)]
    close = get_close_matches(meant, alike, n=3, cutoff=0.6)
    near = [form for form in close if distance(meant, form) <= max(1, len(meant) // 4)]
    return by_form[near[0]] if near else _beginning(meant, by_form)


def _aliased(meant: str, allowed: Collection[str]) -> list[str]:
    entries = allowed.items() if isinstance(allowed, Mapping) else ()
    return [name for name, entry in entries if meant in getattr(entry, "aliases", ())]


def _beginning(meant: str, by_form: Mapping[str, str]) -> str:
    """The longest name that begins `meant`, or else the first that `meant` begins."""
    if len(meant) < SHORTEST:
        return ""
    shorter = [form for form in by_form if len(form) >= SHORTEST and meant.startswith(form)]
    longer = [form for form in by_form if form.startswith(meant)]
    nearest = sorted(shorter, key=len)[-1:] or longer[:1]
    return by_form[nearest[0]] if nearest else ""


def _folded(word: str) -> str:
    """Letters and digits alone, as capitals, ``-`` and ``_`` are what people remember least."""
    return "".join(letter for letter in word.casefold() if letter.isalnum()) or word


def distance(a: str, b: str) -> int:
    """Letters put in, left out, changed, or exchanged with the next one, that lead from `a` to `b`.

    The optimal string alignment distance (Damerau 1964).
    """
    two_back, back = list[int](), list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(back[j] + 1, row[-1] + 1, back[j - 1] + (x != y))
            if i > 1 and j > 1 and (x, a[i - 2]) == (b[j - 2], y):
                cost = min(cost, two_back[j - 2] + 1)
            row.append(cost)
        two_back, back = back, row
    return back[-1]
