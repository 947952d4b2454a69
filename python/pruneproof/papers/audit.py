"""At which set-up two experiments may be compared: the levels as data, and one function that says which are proved.

The set-ups are those of Wang et al. (2023, arXiv 2301.05219), table 2. What is unknown proves nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pruneproof.papers.audit_card import POINTS, SETTINGS, Card, is_close
from pruneproof.values.digests import digest_json

TOLERANCE = 0.1
"""Largest difference between two speed-ups, or two compression rates (1 / density), that count as the same."""

Same = bool | None
"""None where it is unknown."""


@dataclass(frozen=True)
class Field:
    """What two experiments are compared in."""

    id: str
    read: Callable[[Card], Any]
    """None where it is unknown."""
    same: Callable[[Card, Card, float], Same] | None = None
    """Says whether it is the same, by the tolerance; what is read must be equal when None."""

    def compare(self, first: Card, second: Card, tolerance: float) -> "Finding":
        """Compare two experiments."""
        one, other = self.read(first), self.read(second)
        if self.same is not None:
            return Finding(self.id, one, other, self.same(first, second, tolerance))
        return Finding(self.id, one, other, None if one is None or other is None else is_close(one, other))


@dataclass(frozen=True)
class Finding:
    """How two experiments stand in a field."""

    field: str
    first: Any
    second: Any
    same: Same


@dataclass(frozen=True)
class Level:
    """A set-up: what must be the same for two experiments, besides what an easier one asks for."""

    id: str
    needs: str | None
    """The easier one."""
    fields: tuple[Field, ...]
    about: str
    """What that is, in words."""


def _size(card: Card) -> str | None:
    said = [f"speed-up {card.speedup:g}"] if card.speedup is not None else []
    said += [f"sparsity {card.sparsity:g}"] if card.sparsity is not None else []
    return ", ".join(said) or None


def _same_size(first: Card, second: Card, tolerance: float) -> Same:
    """Say whether one of the two rates is the same, "compression or speedup"."""
    pairs = ((first.speedup, second.speedup), (first.compression, second.compression))
    known = [abs(one - other) <= tolerance + 1e-9 for one, other in pairs if one is not None and other is not None]
    return any(known) if known else None


def _base(card: Card) -> str | None:
    base, accuracy = card.base, card.base.accuracy
    for what, digests in (("weights", base.weights), ("planned", base.planned)):
        if digests:
            several = f" of {len(digests)} seeds" if len(digests) > 1 else ""
            return f"{what}{several} {(digest_json(digests) if several else digests[0])[:12]}"
    return None if accuracy is None else f"accuracy {accuracy:g} %, weights unknown"


def _same_base(first: Card, second: Card, tolerance: float) -> Same:
    """Say whether the weights are the same: other accuracies exclude it, and the same accuracy proves nothing."""
    one, other = first.base, second.base
    for mine, theirs in ((one.weights, other.weights), (one.planned, other.planned)):
        if mine is not None and theirs is not None:
            return mine == theirs
    return False if None not in (one.accuracy, other.accuracy) and one.accuracy != other.accuracy else None


def _same_cost(first: Card, second: Card, tolerance: float) -> Same:
    """Say whether both cost as much, up to one epoch of the pruned network."""
    one, other = first.cost, second.cost
    return None if one is None or other is None else abs(one - other) <= 1 + 1e-9


S1 = Level(
    "S1",
    None,
    (
        Field("dataset", lambda card: card.dataset),
        Field("network", lambda card: card.network),
        Field("granularity", lambda card: card.granularity),
        Field("compression or speed-up", _size, _same_size),
    ),
    "data, network, granularity, compression or speed-up",
)
LADDER = (
    S1,
    Level("S2", "S1", (Field("base", _base, _same_base),), "base network"),
    Level("S3.1", "S2", (Field("retrain.epochs", lambda card: card.retrain.epochs),), "retraining epochs"),
    Level("S3.2", "S3.1", (Field("retrain.lr", lambda card: card.retrain.rates),), "learning rates in retraining"),
    Level("S4.1", "S3.2", (Field("prune.epochs", lambda card: card.prune.epochs),), "pruning epochs"),
    Level("S4.2", "S4.1", (Field("prune.lr", lambda card: card.prune.rates),), "learning rates in pruning"),
)
"""Of two pruned networks, the easiest first."""
AGAINST_SCRATCH = (
    S1,
    Level("SX-B", "S1", (Field("multiply-adds in all", lambda card: card.cost, _same_cost),), "multiply-adds in all"),
    Level("SX-A", "S1", (Field("epochs in all", lambda card: card.epochs),), "epochs in all"),
    Level("S4.2", "SX-A", (Field("lr in all", lambda card: card.rates),), "learning rates in all"),
)
"""Of a pruned network and one from scratch, which have no base in common. SX-A and SX-B do not imply each other."""


@dataclass(frozen=True)
class Advantage:
    """Something in which one of the two had the better conditions."""

    what: str
    is_first: bool
    """Whether the first experiment had them."""
    first: float
    second: float


Quantity = tuple[str, Callable[[Card, Card], float | None], int]
"""What an advantage is called, how it is read off one card next to the other, and the sign of more."""


def _largest(rates: Sequence[float] | None) -> float | None:
    return max(rates) if rates else None


def _epochs_at_top(card: Card, other: Card) -> float | None:
    """Return epochs at the largest learning rate that either has."""
    if not card.rates or not other.rates:
        return None
    top = max(*card.rates, *other.rates)
    return sum(is_close(rate, top) for rate in card.rates) / POINTS


EPOCHS: Quantity = ("more epochs in all", lambda card, other: card.epochs, 1)
OF_RATES: tuple[Quantity, ...] = (
    ("a smaller speed-up", lambda card, other: card.speedup, -1),
    ("a lower sparsity", lambda card, other: card.sparsity, -1),
)
OF_PRUNED: tuple[Quantity, ...] = (
    ("more retraining epochs", lambda card, other: card.retrain.epochs, 1),
    ("a larger learning rate in retraining", lambda card, other: _largest(card.retrain.rates), 1),
    ("more pruning epochs", lambda card, other: card.prune.epochs, 1),
    EPOCHS,
    ("a better base", lambda card, other: card.base.accuracy, 1),
    *OF_RATES,
)
OF_SCRATCH: tuple[Quantity, ...] = (
    EPOCHS,
    ("more multiply-adds in all", lambda card, other: card.cost, 1),
    ("more epochs at the largest learning rate", _epochs_at_top, 1),
    *OF_RATES,
)


@dataclass(frozen=True)
class Audit:
    """At which set-up two experiments may be compared, and why not higher."""

    first: Card
    second: Card
    levels: tuple[Level, ...]
    """Those that apply: `LADDER` or `AGAINST_SCRATCH`."""
    findings: tuple[Finding, ...]
    """Of all their fields, in order."""
    proved: tuple[str, ...]
    possible: tuple[str, ...]
    """What the unknown does not exclude, the proved among it."""
    advantages: tuple[Advantage, ...]
    violated: tuple[Finding, ...]
    """Assumptions that do not hold."""
    unknown: tuple[tuple[str, ...], tuple[str, ...]]
    """What is unknown of the first experiment, and of the second."""
    outside: tuple[str, ...]
    """What the set-ups were not made for, in sentences."""
    tolerance: float

    @property
    def level(self) -> str | None:
        """The highest level that is proved."""
        return self.proved[-1] if self.proved else None

    @property
    def blocks(self) -> dict[str, Finding]:
        """Level next above a proved one -> the field in the way: the first that differs, else the first unknown."""
        return {
            level.id: min((each for each in self._of(level) if not each.same), key=lambda each: each.same is None)
            for level in self.levels
            if level.id not in self.proved and (level.needs is None or level.needs in self.proved)
        }

    def _of(self, level: Level) -> list[Finding]:
        names = [field.id for field in level.fields]
        return [each for each in self.findings if each.field in names]


def audit(first: Card, second: Card, tolerance: float = TOLERANCE) -> Audit:
    """Compare two experiments, of which one may be a network from scratch."""
    scratch = first.is_scratch != second.is_scratch
    levels = AGAINST_SCRATCH if scratch else LADDER
    findings = {field.id: field.compare(first, second, tolerance) for level in levels for field in level.fields}
    assumed = _assumed(first, second)
    return Audit(
        first,
        second,
        levels,
        tuple(findings.values()),
        proved=_reached(levels, lambda field: findings[field.id].same is True),
        possible=_reached(levels, lambda field: findings[field.id].same is not False),
        advantages=_advantages(first, second, OF_SCRATCH if scratch else OF_PRUNED),
        violated=tuple(each for each in assumed if each.same is False),
        unknown=_unknown([*findings.values(), *assumed]),
        outside=tuple(sentence for card in (first, second) for sentence in _outside(card)),
        tolerance=tolerance,
    )


def _reached(levels: Sequence[Level], is_met: Callable[[Field], bool]) -> tuple[str, ...]:
    found: list[str] = []
    for level in levels:
        if (level.needs is None or level.needs in found) and all(map(is_met, level.fields)):
            found.append(level.id)
    return tuple(found)


def _assumed(first: Card, second: Card) -> list[Finding]:
    """Compare what all levels take for equal, in the stages in which both train."""
    fields = [Field("report", lambda card: card.report)]
    if first.fingerprint is not None and second.fingerprint is not None:
        fields.append(Field("dataset.fingerprint", lambda card: card.fingerprint))
    for stage in ("prune", "retrain"):
        if 0 not in (getattr(first, stage).epochs, getattr(second, stage).epochs):
            fields += [Field(f"{stage}.{name}", _setting(stage, name)) for name in SETTINGS]
    return [field.compare(first, second, 0.0) for field in fields]


def _setting(stage: str, name: str) -> Callable[[Card], Any]:
    return lambda card: getattr(card, stage).settings.get(name)


def _advantages(first: Card, second: Card, quantities: Sequence[Quantity]) -> tuple[Advantage, ...]:
    found = []
    for what, read, sign in quantities:
        one, other = read(first, second), read(second, first)
        if one is not None and other is not None and not is_close(one, other):
            found.append(Advantage(what, sign * (one - other) > 0, one, other))
    return tuple(found)


def _unknown(findings: Sequence[Finding]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what leaves fields open: what is not told of one experiment, or of both where what is told does not do."""
    undecided = [each for each in findings if each.same is None]
    first = tuple(each.field for each in undecided if each.first is None or each.second is not None)
    second = tuple(each.field for each in undecided if each.second is None or each.first is not None)
    return first, second


def _outside(card: Card) -> list[str]:
    found = []
    if card.rounds is not None and card.rounds > 1 and card.prune.epochs != 0:
        found.append(f"{card.name} is pruned in {card.rounds} iterations: training between them counts as pruning")
    if card.pretrain.epochs == 0 and not card.is_scratch:
        found.append(f"{card.name} is pruned from initialisation: its base is an untrained network")
    return found
