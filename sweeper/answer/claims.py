"""What a page claims, as data: so that two claims that contradict each other are found before they are words.

A claim has a subject, a direction and a status. Where two of them contradict each other, the stronger one
stands: confirmed on fresh seeds before exploratory before open, then more seeds, then the earlier on the
page. The weaker one is withdrawn, or says itself that the stronger one holds (`sweeper.answer.claim_words`).
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sweeper.answer.comparison import LOST_MORE, UNSHOWN, Verdict, verdicts
from sweeper.answer.confirmed import confirmed
from sweeper.answer.rows import (
    as_texts,
    differing,
    published,
    search_trials,
    with_kinds,
    with_names,
)
from sweeper.statistics.race import ENOUGH_SEEDS
from sweeper.wording import count, listing, spoken

CONFIRMED, EXPLORATORY, OPEN = "confirmed", "exploratory", "open"
"""Status: shown on at least five fresh seeds; seen in the search, one seed each; not settled."""
STATUSES = (OPEN, EXPLORATORY, CONFIRMED)

STANDING, LEARNED, BEATS, BEST, EFFECT, MATTERS, GRADIENT, UNITS, LUCK, RANGE, CURVE, MORE = (
    "standing",
    "learned",
    "beats guessing",
    "best",
    "effect",
    "matters",
    "gradient",
    "units",
    "luck",
    "range",
    "curve",
    "more trials",
)
"""Kinds of claims: the answer as a whole; whether anything was learned; whether the scores beat guessing;
the best value of a setting; what a setting does to a quantity; that a setting sets the best trials apart;
gradients; dead and saturated units; settings or luck; a searched range; a curve; whether more trials would
find better."""
RANKINGS = (BEST, MATTERS, LUCK, MORE)
"""Kinds that rank settings or trials: nothing to say of scores at the level of chance."""
YES, NONE, MIXED = "yes", "none", "mixed"
"""Directions that several kinds share; an effect is also ``raises`` or ``lowers``."""
TIES, AHEAD, ALONE, PROVISIONAL, UNLEARNED, GUESS = (
    "tied",
    "ahead",
    "alone",
    "provisional",
    "unlearned",
    "guess",
)
"""Status of an answer as a whole, beside `CONFIRMED`: on at least five fresh seeds, tied with a finalist;
with none, but not shown to be better than every one; the only finalist with a completed seed; on fewer seeds
or none; not shown to have learned; not shown to beat guessing."""
HOLLOW = (UNLEARNED, GUESS)
"""Those of an answer that ranks nothing."""


@dataclass(frozen=True)
class Claim:
    """One thing that a section says, before it is a sentence."""

    kind: str
    name: str
    """What it is about: a setting, an activation, a range."""
    direction: str
    """What is said of it: a value, ``raises``, ``none``, ``vanishing`` …; empty: nothing is decided."""
    status: str
    """One of `STATUSES`."""
    section: str
    """Key of the question that makes it."""
    evidence: str = ""
    """What it rests on: ``10 fresh seeds``."""
    where: str = ""
    """The quantity, the moment or the measure that it is about."""
    seeds: int = 1
    """Fresh seeds behind it; 1 for trials of the search."""
    alternatives: tuple[str, ...] = ()
    """Other directions that its evidence does not tell from this one."""
    detail: str = ""
    """Numbers in words that its sentence holds."""

    @property
    def subject(self) -> tuple[str, str, str]:
        """Claims on the same subject must agree."""
        return self.kind, self.name, self.where

    @property
    def strength(self) -> tuple[int, int]:
        """By status, then by fresh seeds."""
        return (STATUSES.index(self.status) if self.seeds <= 1 else len(STATUSES), self.seeds)


@dataclass(frozen=True)
class Judged:
    """A claim, and the stronger one that contradicts it, if there is one."""

    claim: Claim
    against: Claim | None = None

    @property
    def withdrawn(self) -> bool:
        """Rankings at the level of chance, or belied by the status of the answer, are not made at all."""
        return self.against is not None and self.against.kind in (LEARNED, STANDING)


def contradict(one: Claim, other: Claim) -> bool:
    """Whether a page that makes both claims contradicts itself.

    Opposite directions on one subject, an effect beside "no effect", a lead of the search that is not the
    answer, or that its fresh seeds do not settle, a ranking of what is not shown to beat guessing, scores
    that beat guessing where nothing was learned, a setting that matters most while it is not found to
    change anything, and an answer whose status as a whole is more, or less, than what its seeds show of
    it.
    """
    if STANDING in (one.kind, other.kind):
        whole, part = (one, other) if one.kind == STANDING else (other, one)
        return part.kind != STANDING and _belies(whole.direction, part)
    if LEARNED in (one.kind, other.kind):
        learned, ranking = (one, other) if one.kind == LEARNED else (other, one)
        if ranking.kind == BEATS:
            return (learned.direction, ranking.direction) == (NONE, YES)
        return learned.direction != YES and ranking.kind in RANKINGS
    if {one.kind, other.kind} == {EFFECT, MATTERS}:
        effect = one if one.kind == EFFECT else other
        return one.name == other.name and one.where == other.where and effect.direction == NONE
    if one.subject != other.subject or not one.direction or not other.direction:
        return False
    if one.kind == BEST and one.direction == other.direction:
        lead, fresh = (one, other) if one.seeds <= 1 else (other, one)
        return lead.status == EXPLORATORY and fresh.seeds > 1 and fresh.status == OPEN
    return one.direction != other.direction and MIXED not in (one.direction, other.direction)


def _belies(standing: str, part: Claim) -> bool:
    """Whether a claim cannot stand on a page whose answer has this status."""
    if part.kind == LEARNED:
        return part.direction != YES and standing not in HOLLOW
    if part.kind == BEATS:
        return part.direction == YES and standing == UNLEARNED
    of_fresh_seeds = part.seeds > 1
    if part.kind == BEST and of_fresh_seeds and part.status == OPEN:
        return standing == CONFIRMED
    if part.kind in (BEST, LUCK) and of_fresh_seeds and part.status == CONFIRMED:
        return standing not in (CONFIRMED, TIES, AHEAD)
    return False


def resolve(claims: Sequence[Claim]) -> tuple[Judged, ...]:
    """Each claim in its place, with the stronger one that it must give way to."""
    standing: list[Claim] = []
    found: dict[int, Judged] = {}
    by_strength = sorted(range(len(claims)), key=lambda place: _order(claims[place]), reverse=True)
    for place in by_strength:
        claim = claims[place]
        rivals = [other for other in standing if contradict(claim, other)]
        # That nothing was learned says more than the status that follows from it.
        against = min(rivals, key=lambda other: other.kind == STANDING, default=None)
        found[place] = Judged(claim, against)
        if against is None:
            standing.append(claim)
    return tuple(found[place] for place in range(len(claims)))


def _order(claim: Claim) -> tuple[bool, bool, bool, tuple[int, int]]:
    """Scores on rows of no choice first, then what decides whether anything may be ranked; an effect with its
    interval before a share."""
    first = claim.kind == BEATS, claim.kind == LEARNED or claim.kind == STANDING, claim.kind != MATTERS
    return (*first, claim.strength)


def best_values(
    trials: pd.DataFrame,
    names: Sequence[str],
    section: str = "",
    defaults: Sequence[Mapping[str, Any]] = (),
) -> tuple[Claim, ...]:
    """One claim for each of the settings `names` of which finalists had several values.

    Confirmed where the winner completed `ENOUGH_SEEDS` fresh seeds and is shown to be better than every
    finalist with another value; open otherwise. `trials` have costs as their objective. A value of which the
    published `defaults` (their parameters) are the only finalists was not tuned, and the claim says so.
    """
    ranking = confirmed(trials)
    if len(ranking) < 2:
        return ()
    search = with_names(search_trials(trials)).set_index("trial").loc[ranking["trial"]]
    ranking = ranking.assign(verdict=verdicts(ranking), default=published(search, defaults))
    search = with_kinds(search)
    settings = search[[name for name in names if name in search]]
    settings = settings.astype("object").where(settings.notna(), "none").apply(as_texts)
    claims = (_claim(name, settings, search, ranking, section) for name in settings)
    return tuple(claim for claim in claims if claim is not None)


def _claim(
    name: str, settings: pd.DataFrame, search: pd.DataFrame, ranking: pd.DataFrame, section: str
) -> Claim | None:
    values = settings[name]
    first, seeds = values.iloc[0], int(ranking["n"].iloc[0])
    others = list(dict.fromkeys(value for value in values if value != first))
    if not others:
        return None
    few = seeds < ENOUGH_SEEDS
    open_ = (values != first).to_numpy() & (ranking["verdict"].isin(UNSHOWN).to_numpy() | few)
    ties = tuple(dict.fromkeys(values[open_]))
    untuned = tuple(value for value in others if ranking.loc[(values == value).to_numpy(), "default"].all())
    tuned = [value for value in others if value not in untuned]
    shown = "" if few else _before(values, tuned, untuned, search, ranking)
    if ties and not few:
        alike = (ranking.loc[open_, "verdict"] == Verdict.TIED).all()
        names = _named(ties, values, ranking)
        shown = f"is {'tied with' if alike else 'not shown to be better than'} {listing(names)}"
    return Claim(
        BEST,
        name,
        first,
        OPEN if ties else CONFIRMED,
        section,
        evidence=_shared(ranking, open_ if ties else (values != first).to_numpy()),
        seeds=max(seeds, 2),
        alternatives=ties or untuned,
        detail=shown,
    )


def _before(
    values: "pd.Series[str]",
    tuned: Sequence[str],
    untuned: Sequence[str],
    search: pd.DataFrame,
    ranking: pd.DataFrame,
) -> str:
    """What puts the winner's value before the others: of those that are not `tuned` nothing is known."""
    defaults = ranking[values.isin(untuned).to_numpy()]
    trials = listing([f"#{trial}" for trial in defaults["trial"]])
    if not tuned:
        whose = "only finalist" if len(defaults) == 1 else "only finalists"
        were = "which was" if len(defaults) == 1 else "which were"
        plain = "the published default" if len(defaults) == 1 else "published defaults"
        return f"ranked before the {whose} with {listing(untuned, 'or')}, {plain} {trials}, {were} not tuned,"
    raced = ~values.isin(untuned)
    along = _alongside(search[raced.to_numpy()], values[raced])
    if untuned:
        one = len(defaults) == 1
        plain = f"a published default, {trials}," if one else f"published defaults, {trials},"
        alone = f"{plain} not tuned, alone stand{'s' * one} for {listing(untuned)}"
        along = f"{along.removesuffix(')')}; {alone})" if along else f" ({alone})"  # one bracket for both
    return _beside(_shown(values, tuned, ranking), along)


def _beside(shown: str, along: str) -> str:
    """A clause that ends with a comma keeps it last."""
    return f"{shown.removesuffix(',')}{along}{',' if shown.endswith(',') else ''}"


def _shown(values: "pd.Series[str]", others: Sequence[str], ranking: pd.DataFrame) -> str:
    """What puts the winner's value before `others`: scores, or seeds that only others lost, or both."""
    lost = ranking["verdict"].isin(LOST_MORE).to_numpy()
    unstable = [value for value in others if lost[(values == value).to_numpy()].all()]
    mixed = [value for value in others if value not in unstable and value in set(values[lost])]
    worse = [value for value in others if value not in (*unstable, *mixed)]
    said = [f"better than {listing(_named(worse, values, ranking))} among the finalists"] if worse else []
    if mixed:
        named = listing(_named(mixed, values, ranking))
        said.append(f"ranked before {named}, whose finalists are worse or lost more seeds than the winner,")
    if unstable:
        named = listing(_named(unstable, values, ranking))
        whose = "finalist" if values.isin(unstable).sum() == 1 else "finalists"
        said.append(f"ranked before {named}, whose {whose} lost more seeds than the winner,")
    return " and ".join(said)


def _alongside(search: pd.DataFrame, values: "pd.Series[str]") -> str:
    """In which other settings the winner differs from finalists with another of `values`, so that the
    comparison is of both: from all of them, from all with one value, from some; empty where from none.
    """
    winner, others = search.iloc[:1], [value for value in values.unique() if value != values.iloc[0]]
    unlike = {value: _differing(winner, search[values == value], values.name) for value in others}
    every = [name for name in unlike[others[0]] if all(name in own for own in unlike.values())]
    more = {value: [name for name in own if name not in every] for value, own in unlike.items()}
    told = {*every, *(name for own in more.values() for name in own)}
    rivals = [search.iloc[[k]] for k in np.flatnonzero(values != values.iloc[0])]
    single = dict.fromkeys(name for rival in rivals for name in _differing(winner, rival, values.name))
    who = [("they", every), *((f"those with {value}", own) for value, own in more.items())]
    who.append(("some of them", [name for name in single if name not in told]))
    said = [(whose, listing(own)) for whose, own in who if own]
    if not said:
        return ""
    (whose, names), *further = said
    more_of_them = "".join(f"; {other} in {own}" for other, own in further)
    return f" ({whose} differ in {names} too{more_of_them})"


def _differing(winner: pd.DataFrame, rivals: pd.DataFrame, beside: Hashable) -> list[str]:
    """Settings other than `beside` of which no rival has the winner's value, in words."""
    return [spoken(name) for name in differing(pd.concat([winner, rivals])) if name != beside]


def _named(some: Sequence[str], values: "pd.Series[str]", ranking: pd.DataFrame) -> list[str]:
    """Each of `some` values, with its finalists where they are published defaults alone."""
    named = []
    for value in some:
        own = ranking[(values == value).to_numpy()]
        trials = listing([f"#{trial}" for trial in own["trial"]])
        which = "only finalist is the published default"
        which = which if len(own) == 1 else "only finalists are published defaults,"
        named.append(f"{value} (its {which} {trials})" if own["default"].all() else value)
    return named


def _shared(ranking: pd.DataFrame, rivals: np.ndarray) -> str:
    """The seeds that the winner shares with some rivals; ``6 to 10 fresh seeds`` where some left the race. Of
    those that lost seeds, all on which they were tried."""
    rows = ranking[rivals]
    seeds = rows["n"] + rows["failures"]
    pairs = rows["pairs"].where(~rows["verdict"].isin(LOST_MORE), seeds)
    fewest, most = int(pairs.min()), int(pairs.max())
    return count(most, "fresh seed") if fewest == most else f"{fewest} to {most} fresh seeds"
