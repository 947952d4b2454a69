"""Singular values of Jacobians: linear networks, orthogonal weights and the scale of the last layer.

Exact statements from "Dynamical Isometry: The Missing Ingredient for Neural Network Pruning" (arXiv 2105.05916) and TPP
(arXiv 2207.12534).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pruneproof.api import (
    Catalog,
    DataSet,
    Fact,
    LoadedData,
    Mechanism,
    Metric,
    Selection,
    Transform,
    Transformed,
    select_masks,
    slim,
)
from pruneproof.mechanisms.gradient_flow import below, off
from pruneproof.mechanisms.networks import build, magnitudes

FEW = {"batches": 1, "batch": 8}


def linear_jacobian(catalog: Catalog, *, seed: int = 0) -> list[Fact]:
    """The Jacobian of MLP-7-Linear is the product of its weights, so the metrics are those of its singular values."""
    data = _digits(catalog)
    network = build(catalog, "mlp-7-linear", shape=data.shape, seed=seed)
    values = torch.linalg.svdvals(_product([each.double() for each in network.weights.values()]))
    expected = {
        "mean-jsv": float(values.mean()),
        "jsv-max": float(values[0]),
        "jsv-spread": float(values.std(correction=0)),
        "jsv-condition": float(values[0] / values[-1]),
    }
    module = network.module.double().eval()
    return [
        below(f"{name} against the product of the weights", off(_measured(catalog, name, module, data), each), 1e-6)
        for name, each in expected.items()
    ]


def orthp_isometry(
    catalog: Catalog, *, model: str = "mlp-7-linear", ratios: Sequence[float] = (0.0, 0.5, 0.8, 0.9), seed: int = 0
) -> list[Fact]:
    """After L1 filter pruning and OrthP every singular value of the Jacobian of MLP-7-Linear is 1.

    Its layers all have at most as many outputs as inputs. At the ratio 0.9 ten of 100 units are left, as many as
    classes. Of a network with ReLU it is not so.
    """
    data = _digits(catalog)
    facts = []
    for ratio in ratios:
        small = _orthogonal(catalog, _pruned(catalog, model, data, ratio, seed))
        mean, spread = (_measured(catalog, name, small, data) for name in ("mean-jsv", "jsv-spread"))
        away = max(abs(mean - 1), spread)
        label = f"{model}, {ratio:g} of the filters pruned, OrthP"
        facts.append(
            Fact(
                f"{label}: mean singular value from 1, and spread",
                "< 1e-05",
                "< 1e-05" if away < 1e-5 else "more",
                away < 1e-5,
            )
        )
    return facts


def jsv_scale(catalog: Catalog, *, by: float = 10.0, seed: int = 0) -> list[Fact]:
    """A last layer `by` times as large has Jacobians `by` times as large, and every prediction stays as it was."""
    data = _digits(catalog)
    facts = []
    for model in ("mlp-7-linear", "mlp-7"):
        module = build(catalog, model, shape=data.shape, seed=seed).module.double().eval()
        before, answers = _measured(catalog, "mean-jsv", module, data), _answers(module, data)
        with torch.no_grad():
            for each in module.get_submodule("classifier").parameters():
                each.mul_(by)
        after = _measured(catalog, "mean-jsv", module, data)
        facts.append(
            below(f"{model}: mean singular value against {by:g} times what it was", off(after, by * before), 1e-9)
        )
        same = torch.equal(answers, _answers(module, data))
        facts.append(
            Fact(f"{model}: predictions of all test samples", "unchanged", "unchanged" if same else "others", same)
        )
    return facts


def _digits(catalog: Catalog) -> LoadedData:
    return catalog.get(DataSet, "digits-32x32").load(Path())


def _measured(catalog: Catalog, metric: str, module: nn.Module, data: LoadedData) -> float:
    found: Any = catalog.get(Metric, metric).measure(module, data, **FEW)
    return float("nan") if found is None else float(found)


def _product(weights: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return W_n ... W_1."""
    found = weights[0]
    for each in weights[1:]:
        found = each @ found
    return found


def _pruned(catalog: Catalog, model: str, data: LoadedData, ratio: float, seed: int) -> nn.Module:
    network = build(catalog, model, shape=data.shape, seed=seed)
    selection = Selection(structure="filter", scope="tensor", count="ceil-keep-one", unprunable=("classifier.*",))
    masks = select_masks(magnitudes(network), sparsity=ratio, selection=selection, catalog=catalog)
    return slim(network.module, masks, torch.zeros(1, *data.shape)).model


def _orthogonal(catalog: Catalog, module: nn.Module) -> nn.Module:
    module = module.double().eval()
    weights = {name: each.detach() for name, each in module.named_parameters() if name.endswith("weight")}
    alive = {name: torch.ones_like(each, dtype=torch.bool) for name, each in weights.items()}
    answer = catalog.get(Transform, "orthp").transform(weights, alive)
    assert isinstance(answer, Transformed)
    module.load_state_dict({**module.state_dict(), **(answer.state or {})})
    return module


def _answers(module: nn.Module, data: LoadedData) -> torch.Tensor:
    with torch.no_grad():
        return torch.cat([module(inputs.double()).argmax(1) for inputs, _ in data.batches("test", 1000)])


CHECKS = (
    ("linear-jacobian", linear_jacobian, "singular values of a linear network are those of the product of its weights"),
    ("orthp-isometry", orthp_isometry, "OrthP makes every singular value of a pruned linear network 1"),
    ("jsv-scale", jsv_scale, "the last layer's scale is the Jacobian's, and changes no prediction"),
)
MECHANISMS = tuple(Mechanism(*each) for each in CHECKS)
