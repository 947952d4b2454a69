"""Loss models: what must be true of LM, QM and OBD whatever the network, and where all of their locality comes from."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from pruneproof.api import Catalog, Criterion, Fact, MaskSet, Mechanism, ModelProbe, Schedule, score, select_masks
from pruneproof.mechanisms.networks import Network, build, random_inputs

SHAPE = (1, 8, 8)
SAMPLES = 64
MAGNITUDE = "magnitude"
MODELS = ("linear-model", "quadratic-model", "obd")


def steps_without_scoring(
    catalog: Catalog, *, model: str, sparsity: float, steps: Sequence[int], seed: int = 0
) -> list[Fact]:
    """The number of pruning steps alone changes no mask: what does is scoring anew on the masked network.

    Magnitude never changes between steps. LM, QM and OBD give the mask of one step for any number of steps if the first
    scores decide them all, and another mask if each step scores anew.
    """
    network = build(catalog, model, shape=SHAPE, seed=seed)
    facts = []
    for criterion in _criteria(catalog, MAGNITUDE, *MODELS):
        once = _prune(catalog, network, criterion, sparsity, 1)
        for count in steps:
            stale = _prune(catalog, network, criterion, sparsity, count, anew=False)
            facts.append(_same(f"{model}: {criterion.id} in {count} steps by its first scores", stale, once))
            fresh = _prune(catalog, network, criterion, sparsity, count)
            label = f"{model}: {criterion.id} in {count} steps, scored anew on the masked network"
            facts.append(_same(label, fresh, once) if criterion.id == MAGNITUDE else _other(label, fresh, once))
    return facts


def penalty_limit(
    catalog: Catalog, *, model: str, sparsity: float, penalty: float, steps: Sequence[int], seed: int = 0
) -> list[Fact]:
    """A large penalty on the step turns LM, QM and OBD into magnitude pruning, for any number of steps."""
    network = build(catalog, model, shape=SHAPE, seed=seed)
    magnitude = _prune(catalog, network, catalog.get(Criterion, MAGNITUDE), sparsity, 1)
    return [
        _same(
            f"{model}: {criterion.id} in {count} steps with the penalty {penalty:g}, against magnitude",
            _prune(catalog, network, criterion, sparsity, count, penalty=penalty),
            magnitude,
        )
        for criterion in _criteria(catalog, *MODELS)
        for count in steps
    ]


def special_cases(catalog: Catalog, *, model: str, sparsity: float, seed: int = 0) -> list[Fact]:
    """With g = 0, QM is OBD; with h = 0 it is LM; with h = 1, OBD is magnitude; LM without penalty is SNIP's |g θ|.

    And where the gradient is that of a stationary point under weight decay, g = -c θ, LM is magnitude.
    """
    network = build(catalog, model, shape=SHAPE, seed=seed)
    slopes, bends = _derivatives(network)
    null = {name: torch.zeros_like(each) for name, each in slopes.items()}
    ones = {name: torch.ones_like(each) for name, each in slopes.items()}
    decay = {name: -0.0005 * each for name, each in network.weights.items()}
    weights = network.weights
    linear, quadratic, obd = _criteria(catalog, *MODELS)
    magnitude = select_masks(catalog.get(Criterion, MAGNITUDE).score(weights), sparsity=sparsity)

    def scores(criterion: Criterion, g: Mapping[str, Tensor], h: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        found: Mapping[str, Tensor] = criterion.score(weights, _Given(g, h))
        return found

    def mask(criterion: Criterion, g: Mapping[str, Tensor], h: Mapping[str, Tensor]) -> MaskSet:
        return select_masks(scores(criterion, g, h), sparsity=sparsity)

    return [
        _equal("QM with g = 0 against OBD", scores(quadratic, null, bends), scores(obd, slopes, bends)),
        _equal("QM with h = 0 against LM", scores(quadratic, slopes, null), scores(linear, slopes, bends)),
        _equal(
            "LM against |g θ|",
            scores(linear, slopes, bends),
            {name: (weight.double() * slopes[name]).abs().to(weight.dtype) for name, weight in weights.items()},
        ),
        _same("OBD with h = 1 against magnitude", mask(obd, slopes, ones), magnitude),
        _same("LM with g = -c θ against magnitude", mask(linear, decay, bends), magnitude),
    ]


def _criteria(catalog: Catalog, *names: str) -> list[Criterion]:
    return [catalog.get(Criterion, name) for name in names]


class _Given:
    """A probe that answers what it was given."""

    def __init__(self, slopes: Mapping[str, Tensor], bends: Mapping[str, Tensor]) -> None:
        self._slopes, self._bends = slopes, bends

    def gradients(self, **_: Any) -> Mapping[str, Tensor]:
        return self._slopes

    def curvature(self, *_: Any, **__: Any) -> Mapping[str, Tensor]:
        return self._bends


@lru_cache(maxsize=8)
def _samples(step: int) -> tuple[Tensor, Tensor]:
    inputs = random_inputs(SAMPLES, SHAPE, seed=step)
    return inputs, torch.arange(SAMPLES) % 10


def _derivatives(network: Network) -> tuple[Mapping[str, Tensor], Mapping[str, Tensor]]:
    probe = ModelProbe(network.module, list(network.weights), None, [_samples(0)])
    return probe.gradients(train_mode=False), probe.curvature()


def _prune(
    catalog: Catalog,
    network: Network,
    criterion: Criterion,
    sparsity: float,
    steps: int,
    *,
    anew: bool = True,
    **options: Any,
) -> MaskSet:
    """Return the mask after `steps` steps of the exponential schedule; `anew`: score at each step, on fresh samples."""
    masks: MaskSet | None = None
    scores: Mapping[str, Tensor] = {}
    for step, target in enumerate(catalog.get(Schedule, "exponential").sparsities(sparsity, steps)):
        if anew or step == 0:
            batches = [_samples(step)]
            names = list(network.weights)
            scores = score(criterion, options, network.module, names, masks, batches, torch.Generator())
        masks = select_masks(scores, sparsity=target, alive=masks)
    assert masks is not None
    return masks


def _same(label: str, found: MaskSet, expected: MaskSet) -> Fact:
    return Fact(label, "the same mask", _overlap(found, expected), found == expected)


def _other(label: str, found: MaskSet, expected: MaskSet) -> Fact:
    differ = found != expected  # by how much is as ill-conditioned as the scores are
    return Fact(label, "another mask", "another mask" if differ else "the same mask", differ)


def _equal(label: str, found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> Fact:
    same = all(torch.equal(found[name], expected[name]) for name in expected)
    return Fact(label, "the same scores", "the same scores" if same else "other scores", same)


def _overlap(found: MaskSet, expected: MaskSet) -> str:
    if found == expected:
        return "the same mask"
    kept = sum(int((found[name] & expected[name]).sum()) for name in expected)
    return f"another mask, {100 * kept / expected.count():.0f} % of {expected.count()} survivors in common"


STEPS_WITHOUT_SCORING = Mechanism(
    "steps-without-scoring", steps_without_scoring, "the number of steps matters only where each step scores anew"
)
PENALTY_LIMIT = Mechanism("penalty-limit", penalty_limit, "a large penalty turns loss models into magnitude pruning")
SPECIAL_CASES = Mechanism("loss-model-special-cases", special_cases, "LM, QM, OBD and magnitude as cases of each other")
