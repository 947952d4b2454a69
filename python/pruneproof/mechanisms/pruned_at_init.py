"""Pruning at initialisation: what scores conserve, what masks leave connected, and what they owe to the data.

Each check has a variant that it must refuse: another mode, one step instead of a hundred, a criterion that looks at
nothing. All are exact statements about masks of untrained networks on the digits, in float64.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from pruneproof.api import Catalog, Fact, MaskSet, Mechanism, ModelProbe, Transform, Transformed, select_masks, stated
from pruneproof.mechanisms.initial_masks import Setting, listed, yes_or_no
from pruneproof.mechanisms.networks import IMAGE

Options = Mapping[str, Any] | None


def flow_conserved(
    catalog: Catalog,
    *,
    model: str = "conv-chain",
    model_options: Options = None,
    cuts: Sequence[Sequence[int]] = (),
    no_cuts: Sequence[Sequence[int]] = (),
    bias: float = 0.0,
    batch_statistics: bool = False,
    seed: int = 0,
) -> list[Fact]:
    """Every set of layers that cuts the network has the same total synaptic flow, to 1e-9; others have not.

    Tanaka et al. (2020), theorem 2: without biases, and with batch normalisation on running statistics.

    Args:
        catalog: where models are looked up.
        model: its id.
        model_options: its options.
        cuts: sets of layers, from 1 in prunable order; each layer alone when empty.
        no_cuts: sets whose total differs from that of the cuts.
        bias: of every layer and normalisation; above 0 ends conservation.
        batch_statistics: normalise by the batch, which ends it too, and makes scores negative.
        seed: of the initialisation.
    """
    setting = Setting(catalog, model, model_options, seed, bias)
    scores = _flow(setting, batch_statistics=batch_statistics)
    totals = [float(each.sum()) for each in scores.values()]
    sets = [*cuts] or [[place] for place in range(1, len(totals) + 1)]
    flows = [sum(totals[place - 1] for place in each) for each in sets]
    spread = max(abs(each - flows[0]) for each in flows) / abs(flows[0])
    facts = [
        Fact(
            f"{setting.label}: relative spread of the flow over {len(sets)} cuts",
            "< 1e-09",
            "< 1e-09" if spread < 1e-9 else stated(spread),
            spread < 1e-9,
        ),
        yes_or_no(
            f"{setting.label}: a score below zero",
            expected=False,
            found=any(bool((each < 0).any()) for each in scores.values()),
        ),
    ]
    for each in no_cuts:
        apart = abs(sum(totals[place - 1] for place in each) / flows[0] - 1) > 0.01
        facts.append(
            yes_or_no(f"{setting.label}: layers {[*each]} carry the same flow", expected=False, found=not apart)
        )
    return facts


def _flow(setting: Setting, *, batch_statistics: bool) -> dict[str, torch.Tensor]:
    sizes = {name: each.abs() for name, each in setting.network.weights.items()}
    probe = ModelProbe(setting.network.module, list(sizes), None, setting.batches)
    slopes = probe.gradients(
        at=sizes, inputs="ones", objective="sum-output", every=torch.abs, train_mode=batch_statistics, double=True
    )
    return {name: size * slopes[name] for name, size in sizes.items()}


def connected_after_pruning(
    catalog: Catalog,
    *,
    criterion: str,
    exponent: float,
    connected: bool = True,
    steps: int = 1,
    revive: bool = False,
    model: str = "mlp",
    model_options: Options = None,
    seeds: Sequence[int] = (0,),
) -> list[Fact]:
    """At a compression of ρ_max^exponent a criterion leaves a path from input to output, or none.

    ρ_max leaves one weight per tensor. Global scope, exponential steps, exact counts.

    Args:
        catalog: where models, criteria and metrics are looked up.
        criterion: its id.
        exponent: in [0, 1].
        connected: what is claimed.
        steps: scorings.
        revive: whether weights may return between steps.
        model: its id.
        model_options: its options.
        seeds: of the initialisation; each is a case.
    """
    facts = []
    for seed in seeds:
        setting = Setting(catalog, model, model_options, seed)
        keep = setting.keep_compressed(exponent)
        masks = setting.masks(criterion, keep, steps=steps, revive=revive)
        statement = f"{setting.label}: {criterion} in {steps} steps to {keep} of {setting.weights}: a path is left"
        facts.append(yes_or_no(statement, expected=connected, found=not setting.measured("disconnected", masks)))
    return facts


def scores_fall_with_size(
    catalog: Catalog,
    *,
    criterion: str,
    model: str = "mlp",
    model_options: Options = None,
    least: float = 0.9,
    seed: int = 0,
) -> list[Fact]:
    """The logarithms of a layer's mean score and of its size have a correlation of at most -`least`."""
    setting = Setting(catalog, model, model_options, seed)
    scores = setting.scores(criterion)
    pairs = torch.tensor(
        [[each.double().mean().log(), float(torch.tensor(each.numel()).log())] for each in scores.values()]
    )
    found = float(torch.corrcoef(pairs.T)[0, 1])
    statement = f"{setting.label}: {criterion}, correlation of log mean score and log size"
    return [Fact(statement, f"< -{least:g}", stated(found), found < -least)]


def first_emptied(
    catalog: Catalog,
    *,
    criterion: str,
    which: str,
    model: str = "mlp",
    model_options: Options = None,
    seed: int = 0,
) -> list[Fact]:
    """As compression grows by quarters of a power of ten, a tensor of the stated kind is the first to lose all weights.

    Several tensors may be the largest or smallest; one of them is enough.

    Args:
        catalog: where models and criteria are looked up.
        criterion: its id; one scoring.
        which: "smallest" or "largest" tensor.
        model: its id.
        model_options: its options.
        seed: of the initialisation.
    """
    setting = Setting(catalog, model, model_options, seed)
    scores, sizes = setting.scores(criterion), setting.network.sizes
    extreme = min(sizes.values()) if which == "smallest" else max(sizes.values())
    expected = [name for name, size in sizes.items() if size == extreme]
    emptied: list[str] = []
    quarter = 0
    while not emptied:
        quarter += 1
        keep = max(round(setting.weights / 10 ** (quarter / 4)), 1)
        emptied = select_masks(scores, keep=keep).empty_tensors()
    statement = f"{setting.label}: {criterion}, first emptied at 10^{quarter / 4:g}"
    holds = any(name in expected for name in emptied)
    return [Fact(statement, f"one of {listed(expected)} ({which})", listed(emptied), holds)]


def effective_after_pruning(
    catalog: Catalog,
    *,
    criterion: str,
    sparsity: float,
    at_least: float = 0.0,
    below: float = 1.01,
    steps: int = 1,
    model: str = "mlp",
    model_options: Options = None,
    seed: int = 0,
) -> list[Fact]:
    """The share of the survivors that lie on a path from input to output is within the stated bounds."""
    setting = Setting(catalog, model, model_options, seed)
    masks = setting.masks(criterion, setting.keep(sparsity), steps=steps)
    share = setting.measured("effective-weights", masks) / masks.count()
    statement = f"{setting.label}: {criterion} in {steps} steps at {sparsity:g}, effective survivors"
    return [Fact(statement, f"in [{at_least:g}, {below:g})", stated(share), at_least <= share < below)]


def units_after_shuffling(
    catalog: Catalog,
    *,
    criterion: str = "synflow",
    sparsity: float = 0.95,
    steps: int = 100,
    layer: int = 1,
    factor: float = 2.0,
    model: str = "mlp",
    model_options: Options = None,
    seed: int = 0,
) -> list[Fact]:
    """A criterion leaves few units of a layer alive; a shuffle within layers leaves at least `factor` times as many."""
    setting = Setting(catalog, model, model_options, seed)
    masks = setting.masks(criterion, setting.keep(sparsity), steps=steps)
    shuffle = catalog.get(Transform, "shuffle-within-layers").transform
    moved = shuffle(masks.to_tensors(), torch.Generator().manual_seed(seed))
    assert isinstance(moved, Transformed)
    assert moved.alive is not None
    shuffled = MaskSet.from_tensors(moved.alive)
    name = setting.network.name(layer)
    before, after = (setting.measured("units-alive", each)[name] for each in (masks, shuffled))
    statement = f"{setting.label}: {criterion} at {sparsity:g}, units of {name} on a path, after a shuffle"
    return [Fact(statement, f">= {factor:g} x {before}", str(after), after >= factor * before)]


def starved_branches(
    catalog: Catalog,
    *,
    branches: Mapping[str, str],
    criterion: str = "synflow",
    sparsity: float = 0.9,
    steps: int = 100,
    ratio: float = 0.25,
    model: str = "resnet-20",
    model_options: Options = None,
    shape: Sequence[int] = IMAGE,
    seed: int = 0,
) -> list[Fact]:
    """Each branch (tensor -> the tensor beside it) keeps a density below `ratio` times that of its neighbour.

    For criteria that look at no data: inputs are noise of `shape`. On small images the kernels beside a 1x1 branch
    mostly meet padding, and it is not starved.
    """
    setting = Setting(catalog, model, model_options, seed, shape=tuple(shape))
    masks = setting.masks(criterion, setting.keep(sparsity), steps=steps)
    facts = []
    for branch, beside in branches.items():
        near = masks.density(beside)
        found = masks.density(branch) / near if near else float("inf")
        statement = f"{setting.label}: {criterion} at {sparsity:g}, density of {branch} over that beside it"
        facts.append(Fact(statement, f"< {ratio:g}", f"{found:.1g}", found < ratio))  # one digit: kernels move the next
    return facts


def label_blind_densities(
    catalog: Catalog,
    *,
    criterion: str = "snip",
    sparsity: float = 0.9,
    within: float = 0.05,
    model: str = "mlp",
    model_options: Options = None,
    seed: int = 0,
) -> list[Fact]:
    """Permuted labels change which weights a criterion keeps, and the density of each layer by less than `within`."""
    true = Setting(catalog, model, model_options, seed)
    wrong = Setting(catalog, model, model_options, seed, labels=lambda labels: labels.roll(37))
    one, other = (each.masks(criterion, true.keep(sparsity)) for each in (true, wrong))
    worst = max(abs(one.density(name) - other.density(name)) for name in one)
    label = f"{true.label}: {criterion} at {sparsity:g}, true against permuted labels"
    return [
        yes_or_no(f"{label}: the same mask", expected=False, found=one == other),
        Fact(f"{label}: largest difference of a layer's density", f"< {within:g}", stated(worst), worst < within),
    ]


def masks_of_other_samples(
    catalog: Catalog,
    *,
    criterion: str = "snip",
    sparsity: float = 0.9,
    most: float = 0.9,
    model: str = "mlp",
    model_options: Options = None,
    seed: int = 0,
) -> list[Fact]:
    """Masks from two disjoint batches have less in common than `most`, and more than twice what chance gives.

    Chance is κ / (2 - κ) for a density κ: two random masks, |both| over |either|.
    """
    first = Setting(catalog, model, model_options, seed)
    second = Setting(catalog, model, model_options, seed, place=first.size)
    keep = first.keep(sparsity)
    overlap = first.masks(criterion, keep).jaccard(second.masks(criterion, keep))
    density = keep / first.weights
    chance = density / (2 - density)
    return [
        Fact(
            f"{first.label}: {criterion} at {sparsity:g}, overlap of masks from disjoint samples",
            f"between {stated(2 * chance)} and {most:g}",
            stated(overlap),
            2 * chance < overlap < most,
        )
    ]


def exact_at_every_ratio(
    catalog: Catalog,
    *,
    criteria: Sequence[str],
    densities: Sequence[float],
    count: str = "exact",
    model: str = "mlp",
    model_options: Options = None,
    seed: int = 0,
) -> list[Fact]:
    """Exactly round(κ N) weights stay, for every criterion and density, also where many scores are zero.

    Half of the first layer's units are dead, so that their scores tie at zero. At a density of 1 the mask is full.
    """
    setting = Setting(catalog, model, model_options, seed)
    first = next(iter(setting.network.weights.values()))
    first[: len(first) // 2] = 0.0
    facts = []
    for criterion in criteria:
        for density in densities:
            keep = round(density * setting.weights)
            found = setting.masks(criterion, keep, count=count).count()
            statement = f"{setting.label}: {criterion} at a density of {density:g}, survivors"
            facts.append(Fact(statement, str(keep), str(found), found == keep))
    return facts


def scoring_passes(
    catalog: Catalog,
    *,
    criterion: str,
    forward: int,
    backward: int,
    steps: int = 1,
    model: str = "mlp",
    seed: int = 0,
) -> list[Fact]:
    """Scoring one batch in so many steps takes the stated forward and backward passes through the network."""
    setting = Setting(catalog, model, None, seed)
    passes = {"forward": 0, "backward": 0}

    def back(_: torch.Tensor) -> None:
        passes["backward"] += 1

    def ahead(_: nn.Module, __: Any, outputs: torch.Tensor) -> None:
        passes["forward"] += 1
        if outputs.requires_grad:
            outputs.register_hook(back)  # type: ignore[no-untyped-call]

    hook = setting.network.module.register_forward_hook(ahead)
    setting.masks(criterion, setting.keep(0.5), steps=steps)
    hook.remove()
    return [
        Fact(
            f"{criterion} in {steps} steps: {each} passes per batch",
            str(wanted),
            str(passes[each]),
            wanted == passes[each],
        )
        for each, wanted in (("forward", forward), ("backward", backward))
    ]


MECHANISMS = (
    Mechanism("flow-conserved", flow_conserved, "every cut carries the same synaptic flow"),
    Mechanism("connected-after-pruning", connected_after_pruning, "whether a path is left at a compression"),
    Mechanism("scores-fall-with-size", scores_fall_with_size, "larger layers have smaller mean scores"),
    Mechanism("first-emptied", first_emptied, "which tensor a global threshold empties first"),
    Mechanism("effective-after-pruning", effective_after_pruning, "how many survivors lie on a path"),
    Mechanism("units-after-shuffling", units_after_shuffling, "a shuffle revives units that a criterion left out"),
    Mechanism("starved-branches", starved_branches, "branches keep fewer weights than what they run beside"),
    Mechanism("label-blind-densities", label_blind_densities, "labels hardly change the densities of layers"),
    Mechanism("masks-of-other-samples", masks_of_other_samples, "masks of disjoint samples, between chance and equal"),
    Mechanism("exact-at-every-ratio", exact_at_every_ratio, "exactly round(κ N) weights stay, ties or not"),
    Mechanism("scoring-passes", scoring_passes, "forward and backward passes that scoring takes"),
)
