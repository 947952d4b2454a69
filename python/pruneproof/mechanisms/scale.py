"""Scale: what multiplying one layer's weights does to an allocation, and what it does to the network's function."""

from collections.abc import Mapping

import torch
from torch import Tensor

from pruneproof.api import Catalog, Fact, MaskSet, Mechanism, Selection, select_masks, stated
from pruneproof.mechanisms.networks import IMAGE, Network, build, magnitudes, random_inputs


def scale_sensitivity(
    catalog: Catalog,
    *,
    model: str,
    layer: int,
    sparsity: float,
    up: float = 4.0,
    down: float = 0.0009765625,
    seed: int = 0,
) -> list[Fact]:
    """Scaling a convolution that batch normalisation follows keeps the function, but not the global allocation.

    Multiplied by `up`, the layer keeps more weights; by `down`, it is emptied; in training mode the logits stay the
    same up to the normalisation's eps. LAMP's allocation does not change at all (exactly so for powers of two).

    Args:
        catalog: where models and rules are looked up.
        model: a built-in model.
        layer: position of the convolution among the prunable tensors, from 1.
        sparsity: fraction removed.
        up: factor above 1.
        down: factor below 1.
        seed: of the initialisation.
    """
    network = build(catalog, model, seed=seed)
    name = network.name(layer)
    plain = _survivors(network.weights, name, sparsity)
    larger = _survivors(_scaled(network.weights, name, up), name, sparsity)
    smaller = _survivors(_scaled(network.weights, name, down), name, sparsity)
    label = f"{model} at sparsity {sparsity:g}: survivors of layer {layer} ({name})"
    facts = [
        Fact(f"{label} after multiplying it by {up:g}", f"> {plain}", str(larger), larger > plain),
        Fact(f"{label} after multiplying it by {down:g}", "0", str(smaller), smaller == 0),
    ]
    lamp = _masks(catalog, network.weights, "lamp", sparsity)
    for factor in (up, down):
        same = _masks(catalog, _scaled(network.weights, name, factor), "lamp", sparsity) == lamp
        statement = f"{model} at sparsity {sparsity:g}: LAMP's mask after multiplying layer {layer} by {factor:g}"
        facts.append(Fact(statement, "unchanged", "unchanged" if same else "changed", same))
    change = _change_of_output(network, name, up)
    statement = f"{model}: relative change of the logits after multiplying layer {layer} by {up:g}"
    unchanged = change < 1e-3  # below, it is rounding error, of which no digit is the same everywhere
    facts.append(Fact(statement, "< 0.001", "< 0.001" if unchanged else stated(change), unchanged))
    return facts


def _scaled(weights: Mapping[str, Tensor], name: str, factor: float) -> dict[str, Tensor]:
    return dict(weights) | {name: factor * weights[name]}


def _masks(catalog: Catalog, weights: Mapping[str, Tensor], scope: str, sparsity: float) -> MaskSet:
    scores = magnitudes(Network(torch.nn.Identity(), weights))
    return select_masks(scores, sparsity=sparsity, selection=Selection(scope=scope), weights=weights, catalog=catalog)


def _survivors(weights: Mapping[str, Tensor], name: str, sparsity: float) -> int:
    return select_masks(magnitudes(Network(torch.nn.Identity(), weights)), sparsity=sparsity).count(name)


def _change_of_output(network: Network, name: str, factor: float) -> float:
    module = network.module.train()
    inputs = random_inputs(8, IMAGE)
    with torch.no_grad():
        before = module(inputs)
        module.get_parameter(name).mul_(factor)
        after = module(inputs)
        module.get_parameter(name).div_(factor)
    return float((after - before).abs().max() / before.std())


SCALE_SENSITIVITY = Mechanism(
    "scale-sensitivity", scale_sensitivity, "global magnitude sees a layer's scale, the function does not"
)
