"""Layer collapse: which layers a global threshold empties, and what an emptied cut does to a network."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F

from pruneproof.api import Catalog, Fact, Mechanism, select_masks, stated
from pruneproof.mechanisms.networks import IMAGE, Network, build, magnitudes, random_inputs, settle


def collapse_at_init(
    catalog: Catalog,
    *,
    model: str,
    sparsity: float,
    among: Sequence[int] = (),
    exactly: Sequence[int] | None = None,
    count: int | None = None,
    shape: Sequence[int] = IMAGE,
    classes: int = 10,
    model_options: Mapping[str, Any] | None = None,
    seeds: Sequence[int] = (0,),
) -> list[Fact]:
    """Global magnitude empties the stated layers of a freshly initialised network.

    Args:
        catalog: where models and rules are looked up.
        model: a built-in model.
        sparsity: fraction removed.
        among: layers, from 1 in prunable order, that must be among the emptied ones.
        exactly: all emptied layers, where that is claimed.
        count: number of emptied layers, where that is claimed.
        shape: of one input.
        classes: number of classes.
        model_options: options of the model.
        seeds: of the initialisation; each is a case.
    """
    facts = []
    for seed in seeds:
        network = build(catalog, model, shape=shape, classes=classes, seed=seed, options=model_options)
        masks = select_masks(magnitudes(network), sparsity=sparsity)
        empty = [position for position, name in enumerate(network.weights, 1) if not masks.count(name)]
        label = f"{model} at initialisation, seed {seed}, sparsity {sparsity:g}"
        found = f"{len(empty)} of {len(network.weights)}: {_listed(empty)}"
        if exactly is not None:
            facts.append(Fact(f"{label}: emptied layers", _listed(exactly), found, empty == sorted(exactly)))
        if among:
            facts.append(Fact(f"{label}: among the emptied layers", _listed(among), found, set(among) <= set(empty)))
        if count is not None:
            facts.append(Fact(f"{label}: number of emptied layers", str(count), found, len(empty) == count))
    return facts


def collapse_means_constant_output(
    catalog: Catalog,
    *,
    model: str,
    cuts: Sequence[Sequence[int]],
    bypassed: Sequence[Sequence[int]] = (),
    shape: Sequence[int] = IMAGE,
    classes: int = 10,
    model_options: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> list[Fact]:
    """With a cut emptied, the logits are the same for every input, bit for bit; with a bypassed set they are not.

    Equal logits on all inputs mean one answer for all: accuracy is the share of one class. Evaluation mode, batch
    normalisation settled on random inputs, one input at a time.

    Args:
        catalog: where models and rules are looked up.
        model: a built-in model.
        cuts: sets of layers, from 1 in prunable order, that every path from input to output has to cross.
        bypassed: sets of layers that some path avoids.
        shape: of one input.
        classes: number of classes.
        model_options: options of the model.
        seed: of the initialisation.
    """
    facts = []
    for emptied, constant in [*((each, True) for each in cuts), *((each, False) for each in bypassed)]:
        network = _emptied(
            build(catalog, model, shape=shape, classes=classes, seed=seed, options=model_options), emptied
        )
        settle(network.module, random_inputs(16, shape, seed=1))
        with torch.no_grad():
            logits = torch.cat([network.module(each[None]) for each in random_inputs(4, shape)])
        spread = float((logits - logits[0]).abs().max())
        statement = f"{model}: largest difference between the logits of two inputs, layers {_listed(emptied)} empty"
        facts.append(Fact(statement, "0" if constant else "> 0", stated(spread), (spread == 0) == constant))
    return facts


def dead_gradients(
    catalog: Catalog,
    *,
    model: str,
    cuts: Sequence[Sequence[int]],
    shape: Sequence[int] = IMAGE,
    classes: int = 10,
    model_options: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> list[Fact]:
    """With a cut emptied, the loss gradient of every weight before the cut is exactly 0, so training cannot repair it.

    The same network without the cut has a gradient everywhere. Training mode; parameters as in
    `collapse_means_constant_output`.
    """
    facts = []
    labels = torch.arange(16) % classes
    for emptied in [(), *cuts]:
        network = _emptied(
            build(catalog, model, shape=shape, classes=classes, seed=seed, options=model_options), emptied
        )
        loss = F.cross_entropy(network.module.train()(random_inputs(16, shape)), labels)
        before = list(network.weights)[: min(emptied, default=len(network.weights) + 1) - 1]
        gradients = torch.autograd.grad(loss, [network.module.get_parameter(name) for name in before])
        flowing = sum(bool(gradient.count_nonzero()) for gradient in gradients)
        where = f"before the emptied layers {_listed(emptied)}" if emptied else "with nothing emptied"
        expected = 0 if emptied else len(before)
        statement = f"{model}: tensors {where} that have a gradient, of {len(before)}"
        facts.append(Fact(statement, str(expected), str(flowing), flowing == expected))
    return facts


def _emptied(network: Network, layers: Iterable[int]) -> Network:
    with torch.no_grad():
        for layer in layers:
            network.module.get_parameter(network.name(layer)).zero_()
    return network


def _listed(layers: Sequence[int]) -> str:
    """Write layers as ranges.

    >>> _listed([1, 2, 3, 7])
    '1-3, 7'
    """
    parts: list[list[int]] = []
    for layer in sorted(layers):
        if parts and layer == parts[-1][-1] + 1:
            parts[-1].append(layer)
        else:
            parts.append([layer])
    return ", ".join(f"{part[0]}-{part[-1]}" if len(part) > 1 else str(part[0]) for part in parts) or "none"


COLLAPSE_AT_INIT = Mechanism(
    "collapse-at-init", collapse_at_init, "layers that a global threshold empties before any training"
)
COLLAPSE_MEANS_CONSTANT_OUTPUT = Mechanism(
    "collapse-means-constant-output", collapse_means_constant_output, "an emptied cut makes the output constant"
)
DEAD_GRADIENTS = Mechanism("dead-gradients", dead_gradients, "no gradient passes an emptied cut")
