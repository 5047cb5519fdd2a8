"""Claims as sentences: one template for each kind and direction, and one for each way to give way."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby

from sweeper.answer.claims import (
    BEST,
    CONFIRMED,
    EFFECT,
    EXPLORATORY,
    GRADIENT,
    LUCK,
    MATTERS,
    MORE,
    OPEN,
    STANDING,
    UNITS,
    YES,
    Claim,
    Judged,
)
from sweeper.components.metric_words import metric_words
from sweeper.statistics.race import ENOUGH_SEEDS
from sweeper.wording import capital, listing, spoken

Statement = str | Claim
"""What a section says: a fact of the records, or a claim."""

PLAIN, LEAD = "{detail}.", "lead"
"""What is said by its numbers alone; and a lead of the search that its intervals leave open."""
TEMPLATES: Mapping[tuple[str, str], str] = {
    (BEST, CONFIRMED): "{What}: {direction}, {detail} on {evidence}.",
    (BEST, OPEN): "{What}: not settled; {direction}, the answer's, {is_tied}.",
    (BEST, EXPLORATORY): "{What}: {direction} has the best expected score in the search; {detail}.",
    (BEST, LEAD): "{What}: the search does not settle it; {detail}.",
    (MATTERS, EXPLORATORY): "{What} sets the best trials apart from the rest: {detail}.",
    (GRADIENT, "vanishing"): "{Where}, gradients vanish towards the input with {names}.",
    (GRADIENT, "exploding"): "{Where}, gradients explode towards the input with {names}.",
    (GRADIENT, "healthy"): "{Where}, gradients are healthy ({detail}) with {names}.",
    (GRADIENT, "cut off"): "{Where}, no gradient reaches some layer in at least half of the networks with "
    "{names}.",
    (GRADIENT, "open"): "{Where}, no verdict is settled for {names}.",
    (
        GRADIENT,
        "",
    ): "{Where}, there is no verdict for {names}: fewer than two layers have a gradient above 0.",
    (UNITS, YES): "{detail}.",
    (LUCK, "settings"): "Settings outweigh luck: {detail}.",
    (
        LUCK,
        "luck",
    ): "Luck outweighs settings among these finalists: one training of each says little about "
    "which is best. {Detail}.",
    (LUCK, ""): "{unsettled} whether settings or luck weigh more: {detail}.",
}
"""(kind, status or direction) -> sentence; what is not here is said by its `detail` alone."""
GIVES_WAY: Mapping[str, str] = {
    BEST: " The answer is {answer}, {evidence}: fresh seeds decide; here each trial has one seed.",
    MATTERS: " Yet it is not found to change the {where} with other settings held equal, so this may be the "
    "search, which tried it unevenly.",
    EFFECT: " Another section finds, on stronger evidence: {answer}.",
}
"""Kind -> what a claim adds where a stronger one contradicts it."""
OF_DEFAULTS = " The answer is {answer}, {evidence}: no tuned setting with {value} was trained on fresh seeds."
"""The same of the best value, where fresh seeds were given to a published default of the other one alone."""
OF_FEW_SEEDS = " The answer is {answer}, {evidence}."
"""The same of the best value, where the fresh seeds are too few to decide."""
MERGED = (GRADIENT,)
"""Kinds of which neighbours that differ in their name alone share a sentence."""
NO_RANKING = "Nothing is ranked here, as {detail}."
WITHDRAWN: Mapping[str, str] = {
    MORE: "Whether more trials would find better is not known, as {detail}.",
    LUCK: "Whether settings or luck weigh more is not told, as {detail}.",
}
"""Kind -> what stands in place of a withdrawn claim that ranks nothing."""


def words(statements: Sequence[Statement], judged: Mapping[Claim, Judged]) -> tuple[str, ...]:
    """The sentences of a section; claims that were withdrawn leave one sentence that says why."""
    said: list[str] = []
    for key, group in groupby(statements, key=_key):
        if key is None:
            said += [text for text in group if isinstance(text, str)]
            continue
        claims = [judged.get(claim, Judged(claim)) for claim in group if isinstance(claim, Claim)]
        said += _sentences(claims)
    return tuple(dict.fromkeys(said))


def _key(statement: Statement) -> tuple[object, ...] | None:
    if isinstance(statement, str):
        return None
    if statement.kind in MERGED:
        return statement.kind, statement.where, statement.direction, statement.status
    return (statement,)


def _sentences(group: Sequence[Judged]) -> Iterator[str]:
    first = group[0]
    if first.withdrawn and first.against is not None:
        if first.against.kind != STANDING:
            yield WITHDRAWN.get(first.claim.kind, NO_RANKING).format(detail=first.against.detail)
        return
    text = _template(first.claim).format(**_fields([each.claim for each in group]))
    if first.against is not None:
        template = GIVES_WAY.get(first.claim.kind, GIVES_WAY[EFFECT])
        if first.claim.kind == BEST and first.against.alternatives and first.against.seeds < ENOUGH_SEEDS:
            template = OF_FEW_SEEDS
        if first.against.status == CONFIRMED and first.claim.direction in first.against.alternatives:
            template = OF_DEFAULTS
        text += template.format(**_against(first.against), value=first.claim.direction)
    yield text


def _template(claim: Claim) -> str:
    status = LEAD if claim.status == OPEN and claim.seeds <= 1 else claim.status
    for key in ((claim.kind, status), (claim.kind, claim.direction or claim.status), (claim.kind, "")):
        if key in TEMPLATES:
            return TEMPLATES[key]
    return PLAIN


def _fields(claims: Sequence[Claim]) -> dict[str, str]:
    first = claims[0]
    fields: dict[str, str] = {
        "name": first.name,
        "names": listing([claim.name for claim in claims]),
        "what": spoken(first.name),
        "where": first.where,
        "direction": first.direction,
        "others": listing(first.alternatives),
        "is_tied": _tied(first),
        "unsettled": _unsettled(first),
        "evidence": first.evidence,
        "detail": first.detail,
    }
    initial: Callable[[str], str] = lambda text: capital(text) if text else ""  # noqa: E731
    sentence = fields | {key.capitalize(): initial(fields[key]) for key in ("what", "where", "detail")}
    return sentence | ({"What": first.name} if "." in first.name else {})  # a key keeps its spelling


def _tied(claim: Claim) -> str:
    """Few seeds tie nothing: they cannot rank."""
    if claim.seeds < ENOUGH_SEEDS:
        return f"is not ranked against {listing(claim.alternatives)}: {claim.evidence} cannot do that"
    return f"{claim.detail} on {claim.evidence}"


def _unsettled(claim: Claim) -> str:
    """Few seeds decide nothing, whatever their intervals; of more, the intervals leave it open."""
    if claim.seeds < ENOUGH_SEEDS:
        return f"Fewer than {ENOUGH_SEEDS} fresh seeds cannot show"
    return "These scores do not settle"


def _against(claim: Claim) -> dict[str, str]:
    evidence = f"confirmed on {claim.evidence}"
    if claim.detail:
        evidence = f"which is {claim.detail} on {claim.evidence}"
    if claim.alternatives and claim.status == OPEN:
        evidence = f"which {_tied(claim)}"
    return {
        "answer": claim.direction,
        "evidence": evidence,
        "where": metric_words(claim.where),
    }
