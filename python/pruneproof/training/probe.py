"""Answers what a criterion asks about the masked model by looking at it.

Everything here is a function of w, the prunable weights, through the model with m ⊙ w, m the mask: dead weights are
zero, and so are their derivatives unless they are asked for. The model itself stays as it was found, to the bit.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import nn

from pruneproof.contracts.dataset import Batch
from pruneproof.contracts.ingredients import CurvatureKind, Tensors
from pruneproof.errors import BadConfig
from pruneproof.training import features
from pruneproof.training.curvature import Layers, directions, sole_layers, squared_slopes
from pruneproof.training.masked_model import MaskedModel, tempered
from pruneproof.training.sample_gradients import sample_gradients
from pruneproof.training.samples import count_samples, samples
from pruneproof.values.masks import MaskSet

Mode = Literal["criterion", "eval", "train"]
"""The mode of the model while derivatives are taken: as each call asks, or forced."""


class ModelProbe:
    """The `Probe` over a model, its mask and the scoring samples, and the other ingredients that come from them.

    `Probe` says what each call means, its shapes, units and BatchNorm mode.

    >>> layer = nn.Linear(2, 2, bias=False)
    >>> _ = nn.init.zeros_(layer.weight)
    >>> masks = MaskSet.from_tensors({"weight": torch.tensor([[True, True], [True, False]])})
    >>> probe = ModelProbe(layer, ["weight"], masks, [(torch.tensor([[1.0, 2.0]]), torch.tensor([0]))])
    >>> probe.gradients()["weight"]  # (p - e_y) xᵀ with p = (½, ½), where alive
    tensor([[-0.5000, -1.0000],
            [ 0.5000,  0.0000]])
    >>> probe.gradients(dead=True)["weight"]
    tensor([[-0.5000, -1.0000],
            [ 0.5000,  1.0000]])
    """

    def __init__(
        self,
        model: nn.Module,
        names: Sequence[str],
        masks: MaskSet | None,
        batches: Sequence[Batch],
        *,
        seed: int = 0,
        mode: Mode = "criterion",
    ) -> None:
        """Look at the weights `names` of `model` under `masks` on `batches`; `seed` decides dropout.

        Raises:
            BadTensor: a name that is no parameter of the model or has no mask, or masks that do not fit.
        """
        self._masked = MaskedModel(model, names, masks, seed=seed)
        self._model = model
        self._batches = batches
        self._seed = seed
        self._mode = mode

    def weights(self) -> dict[str, torch.Tensor]:
        """Return copies of the prunable weights, dead ones zero."""
        return {name: self._masked.masked(name, weight).clone() for name, weight in self._masked.weights().items()}

    def alive(self) -> dict[str, torch.Tensor]:
        """Return the masks of the prunable weights as bool tensors; all true where there is no mask."""
        return {name: alive.clone() for name, alive in self._masked.alive().items()}

    def loss(
        self,
        *,
        at: Tensors | None = None,
        train_mode: bool = False,
        double: bool = False,
        temperature: float = 1.0,
    ) -> float:
        """Return the mean loss: see `Probe.loss`."""
        masked = self._masked
        with masked.looking(train_mode=self._in_mode(train_mode)), torch.no_grad():
            leaves = masked.leaves(masked.weights() if at is None else at, double=double)
            others = masked.others(double=double)
            return sum(
                float(_loss(masked.outputs(leaves, others, x), y, temperature)) * share
                for x, y, share in samples(self._batches, leaves)
            )

    def gradients(
        self,
        *,
        at: Tensors | None = None,
        inputs: Literal["data", "ones"] = "data",
        objective: Literal["loss", "sum-output"] = "loss",
        every: Callable[[torch.Tensor], torch.Tensor] | None = None,
        train_mode: bool = True,
        double: bool = False,
        temperature: float = 1.0,
        dead: bool = False,
    ) -> dict[str, torch.Tensor]:
        """Return the gradient of the objective: see `Probe.gradients`."""
        if inputs == "ones" and objective == "loss":
            raise BadConfig(
                'a probe was asked for the loss on ones, which have no label. Take the objective "sum-output".'
            )
        masked = self._masked
        with masked.looking(train_mode=self._in_mode(train_mode)):
            leaves = masked.leaves(masked.weights() if at is None else at, double=double, dead=dead)
            others = masked.others(every, double=double)
            totals = {name: torch.zeros_like(leaf) for name, leaf in leaves.items()}
            for x, y, share in samples(self._batches, leaves, inputs):
                outputs = masked.outputs(leaves, others, x, dead=dead)
                value = outputs.sum() if objective == "sum-output" else _loss(outputs, y, temperature) * share
                for total, part in zip(totals.values(), _derivative(value, leaves), strict=True):
                    total += part
        return totals

    def hessian_vector(
        self,
        vector: Tensors,
        *,
        temperature: float = 1.0,
        train_mode: bool = True,
        double: bool = False,
        dead: bool = False,
    ) -> dict[str, torch.Tensor]:
        """Return the Hessian of the mean loss times `vector`: see `Probe.hessian_vector`."""
        masked = self._masked
        masked.check_shapes(vector)
        with masked.looking(train_mode=self._in_mode(train_mode)):
            leaves = masked.leaves(masked.weights(), double=double, dead=dead)
            others = masked.others(double=double)
            totals = {name: torch.zeros_like(leaf) for name, leaf in leaves.items()}
            for x, y, share in samples(self._batches, leaves):
                loss = _loss(masked.outputs(leaves, others, x, dead=dead), y, temperature) * share
                slopes = _derivative(loss, leaves, create_graph=True)
                along = torch.stack(
                    [(slope * vector[name]).sum() for name, slope in zip(leaves, slopes, strict=True)]
                ).sum()
                for total, part in zip(totals.values(), _derivative(along, leaves), strict=True):
                    total += part
        return totals

    def fisher(self) -> dict[str, torch.Tensor]:
        """Return the diagonal of the empirical Fisher matrix: `curvature("fisher")`."""
        return self.curvature("fisher")

    def curvature(
        self,
        kind: CurvatureKind = "ggn",
        *,
        draws: int = 10,
        double: bool = False,
        temperature: float = 1.0,
        train_mode: bool = False,
    ) -> dict[str, torch.Tensor]:
        """Return the diagonal of a curvature matrix of the mean loss: see `Probe.curvature`.

        Memory is bounded whatever the number of samples; see `training.curvature` for the mathematics.
        """
        if kind not in get_args(CurvatureKind) or draws < 1:
            raise BadConfig(
                f'a probe was asked for the curvature "{kind}" with {draws} draws: one of '
                f"{', '.join(get_args(CurvatureKind))} with at least 1 draw was expected."
            )
        _refuse_batch_statistics("the curvature", train_mode)
        masked = self._masked
        generator = torch.Generator().manual_seed(self._seed)
        with masked.looking(train_mode=False), torch.no_grad():
            weights = {name: leaf.detach() for name, leaf in masked.leaves(masked.weights(), double=double).items()}
            others = masked.others(double=double)

            def forward(weights: Tensors, x: torch.Tensor) -> torch.Tensor:
                return masked.outputs(weights, others, x)

            layers: Layers | None = None
            totals = {name: torch.zeros_like(weight) for name, weight in weights.items()}
            for x, y, _ in samples(self._batches, weights):
                if layers is None:
                    layers = sole_layers(self._model, forward, weights, x)
                # The slope of ℓ(z / T) along z is that along z / T, divided by T.
                v = directions(kind, tempered(forward(weights, x), temperature), y, draws, generator) / temperature
                for name, part in squared_slopes(self._model, forward, layers, weights, x, v).items():
                    totals[name] += part
        count = count_samples(self._batches)
        return {name: masked.masked(name, total / count) for name, total in totals.items()}

    def sample_gradients(
        self,
        *,
        limit: int | None = None,
        train_mode: bool = False,
        double: bool = False,
        temperature: float = 1.0,
    ) -> dict[str, torch.Tensor]:
        """Return the gradient of each sample's loss, shape (n, *weight shape): see `Probe.sample_gradients`."""
        _refuse_batch_statistics("gradients of single samples", train_mode)
        return sample_gradients(self._masked, self._batches, limit=limit, double=double, temperature=temperature)

    def activations(self, *, train_mode: bool = False) -> dict[str, torch.Tensor]:
        """Return the L2 norm of the input feature that each weight multiplies: see `Probe.activations`."""
        return features.activations(self._masked, self._batches, train_mode=self._in_mode(train_mode))

    def layer_gram(self, *, train_mode: bool = False) -> dict[str, torch.Tensor]:
        """Return the second moments of the input features of each weight: see `Probe.layer_gram`."""
        return features.layer_gram(self._masked, self._batches, train_mode=self._in_mode(train_mode))

    def _in_mode(self, train_mode: bool) -> bool:
        return train_mode if self._mode == "criterion" else self._mode == "train"


def _loss(logits: torch.Tensor, labels: torch.Tensor, temperature: float) -> torch.Tensor:
    return F.cross_entropy(tempered(logits, temperature), labels)


def _derivative(
    value: torch.Tensor, leaves: Mapping[str, torch.Tensor], *, create_graph: bool = False
) -> tuple[torch.Tensor, ...]:
    """Return d value / d leaf for each leaf; zeros where the value does not depend on it."""
    return torch.autograd.grad(value, list(leaves.values()), create_graph=create_graph, materialize_grads=True)


def _refuse_batch_statistics(what: str, train_mode: bool) -> None:
    if train_mode:
        raise BadConfig(
            f"a probe was asked for {what} with train_mode=True: where BatchNorm uses the statistics of a batch, no "
            "sample has a loss of its own. Take train_mode=False."
        )
