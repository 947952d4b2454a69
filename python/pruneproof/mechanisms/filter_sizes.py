"""Sizes of networks that lose filters at given ratios: multiply-adds, speed-up and parameters as tables print them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import nn

from pruneproof.api import BadConfig, Catalog, Channels, CountingRule, Fact, Mechanism, channels_of, macs
from pruneproof.mechanisms.networks import build


@dataclass(frozen=True)
class Size:
    """Multiply-adds, weights of convolutions and linear layers, and what biases and normalisation add to them."""

    macs: float
    weights: int
    others: int


def filter_pruned_size(
    catalog: Catalog,
    *,
    model: str,
    shape: Sequence[int],
    classes: int,
    layers: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    count: str = "ceil-keep-one",
    per_mac: int = 1,
    counted: str = "parameters",
    traced: Sequence[int] | None = None,
    model_options: Mapping[str, Any] | None = None,
) -> list[Fact]:
    """Each row's filters, cut out of the architecture with all that reads them, leave the size that a table prints.

    Args:
        catalog: to look up the model and the counting rule.
        model: an architecture; untrained, since sizes know no weights.
        shape: of its inputs.
        classes: of its classifier.
        layers: patterns of state-dict names of the weights that lose filters.
        rows: each says `ratio`, the fraction of filters that goes, one for all patterns or a list of one for each; and
            as text, digit by digit, any of `flops` (in 10⁹), `speed-up` (dense over pruned) and `removed` (% of
            parameters).
        count: counting rule for the filters of a layer.
        per_mac: FLOPs of a multiply-add, 1 or 2; tables mix both.
        counted: `parameters`, normalisation and biases included, or `weights` of convolutions and linear layers.
        traced: a smaller input on which to follow the channels; `shape` when left out.
        model_options: of the architecture.

    Raises:
        BadConfig: a row with other keys, ratios that do not fit the patterns, a pattern without a weight, or a layer
            whose filters cannot be removed.
    """
    if counted not in ("parameters", "weights"):
        raise BadConfig(f'filter-pruned-size counts "{counted}"; "parameters" or "weights" was expected.')
    network = build(catalog, model, shape=shape, classes=classes, options=model_options)
    module, keep = network.module, catalog.get(CountingRule, count).keep
    costs = macs(module, shape, list(network.weights))
    channels = channels_of(module, torch.zeros(1, *(traced or shape)))
    dense = _size(module, channels, costs, {})
    facts = []
    for row in rows:
        kept = {}
        for pattern, ratio in zip(layers, _ratios(row, layers), strict=True):
            names = [name for name in network.weights if fnmatchcase(name, pattern)]
            if not names:
                raise BadConfig(f'no prunable weight of "{model}" fits "{pattern}"; there are {list(network.weights)}.')
            for name in names:
                kept[name.removesuffix(".weight")] = keep(len(network.weights[name]), ratio)
        facts += _compared(
            f"{model} at {row['ratio']}", row, dense, _size(module, channels, costs, kept), per_mac, counted
        )
    return facts


def _ratios(row: Mapping[str, Any], layers: Sequence[str]) -> list[float]:
    known = {"ratio", "flops", "speed-up", "removed"}
    ratio = row.get("ratio")
    ratios = list(ratio) if isinstance(ratio, Sequence) else [ratio] * len(layers)
    fit = len(ratios) == len(layers) and all(isinstance(each, int | float) and 0 <= each <= 1 for each in ratios)
    if not fit or not row.keys() <= known:
        raise BadConfig(
            f"filter-pruned-size has the row {dict(row)}; of the keys {', '.join(sorted(known))}, and a ratio in "
            f"[0, 1], or a list of {len(layers)}, one for each pattern of layers, were expected."
        )
    return ratios


def _size(module: nn.Module, channels: Channels, costs: Mapping[str, int], kept: Mapping[str, int]) -> Size:
    """Return the size with the first `kept` filters of some layers: which ones go does not matter to it."""
    gone = set()
    for name, count in kept.items():
        gone |= set(channels.writes[name][count:].tolist())
    if stuck := sorted(gone & set(channels.obstacles)):
        raise BadConfig(f"a filter that is to go cannot be removed: {channels.obstacles[stuck[0]]}.")
    parts = {"writes": channels.writes, "passes": channels.passes, "reads": channels.reads}
    stays = {
        kind: {name: len(each) - sum(number in gone for number in each.tolist()) for name, each in found.items()}
        for kind, found in parts.items()
    }
    multiply_adds, weights, others = 0.0, 0, 0
    for name, part in module.named_modules():
        own = dict(part.named_parameters(recurse=False))
        outputs = stays["writes"].get(name, stays["passes"].get(name))
        for kind, each in own.items():
            if kind == "weight" and each.dim() > 1:
                share = outputs / len(each) * stays["reads"][name] / len(channels.reads[name])  # type: ignore[operator]
                multiply_adds += costs[f"{name}.weight"] * share
                weights += round(each.numel() * share)
            else:
                others += each.numel() if outputs is None else outputs
    return Size(multiply_adds, weights, others)


def _compared(label: str, row: Mapping[str, Any], dense: Size, small: Size, per_mac: int, counted: str) -> list[Fact]:
    left = [each.weights + (each.others if counted == "parameters" else 0) for each in (dense, small)]
    found = {
        "flops": per_mac * small.macs / 1e9,
        "speed-up": dense.macs / small.macs,
        "removed": 100 * (1 - left[1] / left[0]),
    }
    units = {"flops": "10^9 FLOPs", "speed-up": "speed-up", "removed": f"% of {counted} removed"}
    facts = []
    for key, value in found.items():
        if key in row:
            written = f"{value:.{_decimals(row[key])}f}"
            facts.append(Fact(f"{label}: {units[key]}", str(row[key]), written, written == str(row[key])))
    return facts


def _decimals(printed: object) -> int:
    text = str(printed)
    if not math.isfinite(float(text)):
        raise BadConfig(
            f'filter-pruned-size has the number "{text}" in a row; digits as a table prints them were expected.'
        )
    return len(text.partition(".")[2])


FILTER_PRUNED_SIZE = Mechanism(
    "filter-pruned-size", filter_pruned_size, "multiply-adds and parameters of an architecture that lost filters"
)
