"""Gathers what a criterion asks for by looking at the masked model, and checks what the criterion answers.

Everything here is a function of w, the prunable weights, through the model with m ⊙ w, m the mask: dead weights are
zero, and so are their derivatives. The model itself stays as it was found, to the bit.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call

from pruneproof.contracts.criterion import Criterion
from pruneproof.contracts.dataset import Batch
from pruneproof.contracts.ingredients import Tensors
from pruneproof.errors import BadConfig, BadTensor, UnknownName
from pruneproof.training.curvature import Kind, Layers, directions, sole_layers, squared_slopes
from pruneproof.training.masker import alive_tensors
from pruneproof.training.seeding import seeded
from pruneproof.values.masks import MaskSet

Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d


def score(
    criterion: Criterion,
    options: Mapping[str, Any],
    model: nn.Module,
    names: Sequence[str],
    masks: MaskSet | None,
    batches: Sequence[Batch],
    rng: torch.Generator,
) -> dict[str, torch.Tensor]:
    """Return the scores of the weights `names` of `model` by `criterion`; larger means keep.

    Args:
        criterion: whose ingredients are gathered, and no others.
        options: of the criterion; defaults fill the rest.
        model: left untouched, as are torch's global generators.
        names: state-dict names of the prunable weights.
        masks: of at least these weights; None where all are alive.
        batches: scoring samples and labels on the model's device; one is enough where only the input's shape matters,
            none where the criterion asks for neither data nor probe.
        rng: a generator on the CPU, from the run's `criterion` stream; dropout and any global draw of the criterion are
            seeded from its initial seed.

    Returns:
        name -> scores of the weight's shape, floating point, free of NaN, in the order of `names`.

    Raises:
        UnknownName: an option that the criterion does not have.
        BadConfig: an option of another type than its default, or too few scoring samples.
        BadTensor: masks that do not fit, or scores with other names, shapes or dtypes than the weights, or with NaN.
    """
    chosen = {**criterion.options, **_checked_options(criterion, options)}
    ingredients = gather(model, names, masks, batches, rng, criterion.ingredients)
    with seeded(rng.initial_seed()):
        answer = criterion.score(*ingredients.values(), **chosen)
    parameters = dict(model.named_parameters(remove_duplicate=False))
    return _checked_scores(criterion.id, answer, {name: parameters[name].shape for name in names})


def gather(
    model: nn.Module,
    names: Sequence[str],
    masks: MaskSet | None,
    batches: Sequence[Batch],
    rng: torch.Generator,
    wanted: Iterable[str],
) -> dict[str, Any]:
    """Return the `wanted` ingredients by name, in that order, and compute no others.

    The other arguments are those of `score`.

    Raises:
        UnknownName: an ingredient outside the vocabulary.
        BadConfig: an ingredient needs scoring samples and there are none.
        BadTensor: a name that the model does not have, or masks that do not fit.
    """
    probe = ModelProbe(model, names, masks, batches, seed=rng.initial_seed())
    sources: dict[str, Callable[[], Any]] = {
        "weights": probe.weights,
        "grads": probe.gradients,
        "fisher": probe.fisher,
        "activations": probe.activations,
        "alive": probe.alive,
        "rng": lambda: rng,
        "probe": lambda: probe,
    }
    wanted = list(wanted)
    for name in wanted:
        if name not in sources:
            raise UnknownName.among("ingredient", name, sources)
    return {name: sources[name]() for name in wanted}


class ModelProbe:
    """The `Probe` over a model, its mask and the scoring samples.

    A mean over the scoring samples weighs every sample alike, whatever the batch sizes. The loss is cross-entropy on
    logits. Dropout, where it is active, draws the same units at every call.
    """

    def __init__(
        self, model: nn.Module, names: Sequence[str], masks: MaskSet | None, batches: Sequence[Batch], *, seed: int = 0
    ) -> None:
        """Look at the weights `names` of `model` under `masks` on `batches`; `seed` decides dropout.

        Raises:
            BadTensor: a name that is no parameter of the model or has no mask, or masks that do not fit.
        """
        parameters = dict(model.named_parameters(remove_duplicate=False))
        for name in names:
            if name not in parameters:
                raise BadTensor(
                    f'prunable weight "{name}" is no parameter of the model, which has {", ".join(parameters)}.'
                )
            if masks is not None and name not in masks:
                raise BadTensor(f'prunable weight "{name}" has no mask; there are masks for {", ".join(masks)}.')
        by_tensor = {id(parameters[name]): name for name in names}
        for name in names:
            if by_tensor[id(parameters[name])] != name:
                other = by_tensor[id(parameters[name])]
                raise BadTensor(f'prunable weights "{name}" and "{other}" are one shared tensor. Name it once.')
        self._model = model
        self._names = list(names)
        self._alive = alive_tensors(model, masks) if masks is not None else {}
        self._parameters = {name: parameter.detach() for name, parameter in parameters.items()}
        # A parameter that several modules share is given once, and by its prunable name if it has one.
        own = {id(parameters[name]) for name in names}
        self._other_names = [name for name, parameter in model.named_parameters() if id(parameter) not in own]
        self._batches = batches
        self._seed = seed

    def weights(self) -> dict[str, torch.Tensor]:
        """Return copies of the prunable weights, dead ones zero."""
        return {name: self._masked(name, self._parameters[name]).clone() for name in self._names}

    def alive(self) -> dict[str, torch.Tensor]:
        """Return the masks of the prunable weights as bool tensors; all true where there is no mask."""
        return {
            name: self._alive[name].clone() if name in self._alive else torch.ones_like(weight, dtype=torch.bool)
            for name, weight in self._prunable().items()
        }

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
    ) -> dict[str, torch.Tensor]:
        """Return d objective / d weights, of the weights' shapes; float64 if `double`.

        Args:
            at: the prunable weights to differentiate at; the model's own when None. Dead ones count as zero.
            inputs: the scoring samples, or one input of ones of their shape.
            objective: mean cross-entropy over the samples, or the sum of all outputs.
            every: applied to every other parameter and to the buffers; identity when None.
            train_mode: BatchNorm uses the statistics of each scoring batch (True) or its running ones (False).
            double: compute in float64.
            temperature: divides the logits before the cross-entropy, > 0.

        Raises:
            BadConfig: no scoring samples, a loss asked for on ones (they have no label), or a temperature out of range.
            BadTensor: `at` has other names or shapes than the prunable weights.
        """
        if inputs == "ones" and objective == "loss":
            raise BadConfig(
                'a probe was asked for the loss on ones, which have no label. Take the objective "sum-output".'
            )
        with self._looking(train_mode):
            leaves = self._leaves(self._prunable() if at is None else at, double)
            others = self._others(every, double)
            totals = {name: torch.zeros_like(leaf) for name, leaf in leaves.items()}
            for x, y, share in self._samples(inputs, leaves):
                outputs = self._outputs(leaves, others, x)
                value = outputs.sum() if objective == "sum-output" else _loss(outputs, y, temperature) * share
                for total, part in zip(totals.values(), _derivative(value, leaves), strict=True):
                    total += part
        return totals

    def hessian_vector(self, vector: Tensors, *, temperature: float = 1.0) -> dict[str, torch.Tensor]:
        """Return the Hessian of the mean cross-entropy times `vector`, at the model's weights, in the weights' dtype.

        By differentiating twice: H v = ∂(v · ∂L/∂w)/∂w, batch by batch, BatchNorm on the statistics of each batch. The
        kinks of ReLU count as flat.

        Args:
            vector: one tensor per prunable weight, of its shape; entries of dead weights count as zero.
            temperature: divides the logits before the cross-entropy, > 0.

        Raises:
            BadConfig: no scoring samples, or a temperature out of range.
            BadTensor: `vector` has other names or shapes than the prunable weights.
        """
        self._check_shapes(vector)
        with self._looking(train_mode=True):
            leaves = self._leaves(self._prunable(), double=False)
            others = self._others(None, double=False)
            totals = {name: torch.zeros_like(leaf) for name, leaf in leaves.items()}
            for x, y, share in self._samples("data", leaves):
                loss = _loss(self._outputs(leaves, others, x), y, temperature) * share
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

    def curvature(self, kind: Kind = "ggn", *, draws: int = 10, double: bool = False) -> dict[str, torch.Tensor]:
        """Return the diagonal of a curvature matrix of the mean cross-entropy, of the weights' shapes, >= 0.

        BatchNorm uses its running statistics: with those of a batch, no sample has a loss of its own. Memory is bounded
        whatever the number of samples; see `training.curvature` for the mathematics.

        Args:
            kind: `ggn`, the generalised Gauss-Newton matrix, exactly; `ggn-mc`, its estimate from labels drawn from the
                model's own predictions; `fisher`, the mean of squared per-sample gradients of the labels' loss.
            draws: labels drawn per sample for `ggn-mc`, the same at every call.
            double: compute in float64.

        Raises:
            BadConfig: no scoring samples, an unknown kind, or fewer than one draw.
        """
        if kind not in get_args(Kind) or draws < 1:
            raise BadConfig(
                f'a probe was asked for the curvature "{kind}" with {draws} draws: one of '
                f"{', '.join(get_args(Kind))} with at least 1 draw was expected."
            )
        generator = torch.Generator().manual_seed(self._seed)
        with self._looking(train_mode=False), torch.no_grad():
            weights = {name: leaf.detach() for name, leaf in self._leaves(self._prunable(), double).items()}
            others = self._others(None, double)

            def forward(weights: Tensors, x: torch.Tensor) -> torch.Tensor:
                return self._outputs(weights, others, x)

            layers: Layers | None = None
            totals = {name: torch.zeros_like(weight) for name, weight in weights.items()}
            count = 0
            for x, y, _ in self._samples("data", weights):
                if layers is None:
                    layers = sole_layers(self._model, forward, weights, x)
                v = directions(kind, forward(weights, x), y, draws, generator)
                for name, part in squared_slopes(self._model, forward, layers, weights, x, v).items():
                    totals[name] += part
                count += len(x)
        return {name: self._masked(name, total / count) for name, total in totals.items()}

    def activations(self) -> dict[str, torch.Tensor]:
        """Return, for each weight, the L2 norm over the scoring samples of the input feature that it multiplies.

        The feature of a linear layer's weight is one input unit, that of a convolution's weight one input channel at
        all its positions (padding left out, and the same for every place in the kernel). Further axes, such as time
        steps, count as samples. BatchNorm uses its running statistics. The answer has the weight's shape, repeated
        without taking memory: do not write into it.

        Raises:
            BadConfig: no scoring samples, or a weight that belongs to no linear layer or convolution.
        """
        layers: dict[str, nn.Linear | Convolution] = {}
        for name in self._names:
            layer = self._model.get_submodule(name.rpartition(".")[0])
            if not name.endswith("weight") or not isinstance(layer, nn.Linear | Convolution):
                raise BadConfig(
                    f'the ingredient activations is not defined for "{name}", a parameter of {type(layer).__name__}: '
                    "only weights of linear layers and convolutions multiply one input feature each."
                )
            layers[name] = layer
        squares: dict[str, torch.Tensor] = {}

        def listener(name: str) -> Callable[[nn.Module, tuple[torch.Tensor, ...]], None]:
            def listen(layer: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
                squares[name] = squares.get(name, 0) + _feature_squares(layer, inputs[0])

            return listen

        handles = [layer.register_forward_pre_hook(listener(name)) for name, layer in layers.items()]
        try:
            with self._looking(train_mode=False), torch.no_grad():
                weights, others = self._prunable(), self._others(None, double=False)
                for x, _, _ in self._samples("data", weights):
                    self._outputs(weights, others, x)
        finally:
            for handle in handles:
                handle.remove()
        return {name: _per_weight(layer, squares.get(name, torch.zeros(())).sqrt()) for name, layer in layers.items()}

    @contextmanager
    def _looking(self, train_mode: bool) -> Iterator[None]:
        """Set the mode of every module, fork the random generators, and put everything back."""
        modes = [(part, part.training) for part in self._model.modules()]
        try:
            self._model.train(train_mode)
            with seeded(self._seed), torch.enable_grad():
                yield
        finally:
            for part, mode in modes:
                part.training = mode

    def _prunable(self) -> dict[str, torch.Tensor]:
        return {name: self._parameters[name] for name in self._names}

    def _masked(self, name: str, weight: torch.Tensor) -> torch.Tensor:
        # A product with the mask would let NaN and infinity of dead weights through.
        return torch.where(self._alive[name], weight, 0.0) if name in self._alive else weight

    def _leaves(self, weights: Tensors, double: bool) -> dict[str, torch.Tensor]:
        self._check_shapes(weights)
        return {
            name: weights[name].detach().to(torch.float64 if double else own.dtype).requires_grad_()
            for name, own in self._prunable().items()
        }

    def _others(self, every: Callable[[torch.Tensor], torch.Tensor] | None, double: bool) -> dict[str, torch.Tensor]:
        """Return what is not differentiated: masked parameters, and copies of the buffers to write into."""
        parameters = {name: self._masked(name, self._parameters[name]) for name in self._other_names}
        buffers = {name: each.clone() for name, each in self._model.named_buffers()}
        others = {name: every(each) if every else each for name, each in (parameters | buffers).items()}
        return {name: each.double() if double and each.is_floating_point() else each for name, each in others.items()}

    def _outputs(self, weights: Tensors, others: Tensors, x: torch.Tensor) -> torch.Tensor:
        masked = {name: self._masked(name, weight) for name, weight in weights.items()}
        outputs: torch.Tensor = functional_call(self._model, {**others, **masked}, (x,))
        return outputs

    def _samples(
        self, inputs: Literal["data", "ones"], weights: Tensors
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor, float]]:
        """Yield inputs in the weights' dtype, labels, and the batch's share of all samples."""
        if not self._batches:
            raise BadConfig(
                "no scoring samples were given: a criterion that asks for data or a probe needs at least one batch."
            )
        dtype = next(iter(weights.values())).dtype if weights else torch.get_default_dtype()
        if inputs == "ones":
            x, y = self._batches[0]
            yield torch.ones_like(x[:1], dtype=dtype), y[:1], 1.0
            return
        count = sum(len(x) for x, _ in self._batches)
        for x, y in self._batches:
            yield x.to(dtype) if x.is_floating_point() else x, y, len(x) / count

    def _check_shapes(self, tensors: Tensors) -> None:
        expected = {name: tuple(weight.shape) for name, weight in self._prunable().items()}
        found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        if found != expected:
            wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
            raise BadTensor(
                f'a probe was given tensors that do not fit the prunable weights, first "{wrong[0]}": '
                f"shape {found.get(wrong[0], 'absent')}, expected {expected.get(wrong[0], 'none')}."
            )


def _loss(logits: torch.Tensor, labels: torch.Tensor, temperature: float = 1.0) -> torch.Tensor:
    if not temperature > 0.0:
        raise BadConfig(f"a probe was given the temperature {temperature}: a number above 0 was expected.")
    return F.cross_entropy(logits / temperature, labels)


def _derivative(
    value: torch.Tensor, leaves: Mapping[str, torch.Tensor], *, create_graph: bool = False
) -> tuple[torch.Tensor, ...]:
    """Return d value / d leaf for each leaf; zeros where the value does not depend on it."""
    return torch.autograd.grad(value, list(leaves.values()), create_graph=create_graph, materialize_grads=True)


def _feature_squares(layer: nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    """Return the sum of squares of each input feature: channel of a convolution, last axis of a linear layer."""
    axis = inputs.ndim - 1 if isinstance(layer, nn.Linear) else 1
    return inputs.square().sum([each for each in range(inputs.ndim) if each != axis])


def _per_weight(layer: nn.Linear | Convolution, features: torch.Tensor) -> torch.Tensor:
    """Repeat one number per input feature to the shape of the layer's weight."""
    weight = layer.weight
    if isinstance(layer, nn.Linear):
        return features.expand_as(weight)
    # Output channels come in groups, each of which reads its own share of the input channels.
    by_group = features.expand(layer.in_channels).reshape(layer.groups, weight.shape[1])
    by_output = by_group.repeat_interleave(layer.out_channels // layer.groups, dim=0)
    return by_output.reshape(*by_output.shape, *[1] * (weight.ndim - 2)).expand_as(weight)


def _checked_options(criterion: Criterion, options: Mapping[str, Any]) -> Mapping[str, Any]:
    for name, value in options.items():
        if name not in criterion.options:
            raise UnknownName.among(f'option of criterion "{criterion.id}"', name, criterion.options)
        default = criterion.options[name]
        # A whole number does for a float; True does not do for 1.
        fits = type(value) is type(default) or (type(default) is float and type(value) is int)
        if default is not None and not fits:
            raise BadConfig(
                f'criterion "{criterion.id}" got the option {name} = {value!r}, of type {type(value).__name__}: '
                f"{type(default).__name__} was expected, like its default {default!r}."
            )
    return options


def _checked_scores(criterion: str, answer: object, shapes: Mapping[str, torch.Size]) -> dict[str, torch.Tensor]:
    """Return the answer detached and in the order of `shapes`, after checking it against them."""
    if not isinstance(answer, Mapping):
        raise BadTensor(
            f'criterion "{criterion}" returned {type(answer).__name__}: a mapping from name to tensor was expected.'
        )
    if set(answer) != set(shapes):
        missing, extra = sorted(shapes.keys() - answer.keys()), sorted(map(str, answer.keys() - shapes.keys()))
        raise BadTensor(
            f'criterion "{criterion}" returned scores of other tensors than it was given: '
            f"missing {', '.join(missing) or 'none'}; not asked for {', '.join(extra) or 'none'}."
        )
    for name, shape in shapes.items():
        scores = answer[name]
        if not isinstance(scores, torch.Tensor) or not scores.is_floating_point():
            kind = scores.dtype if isinstance(scores, torch.Tensor) else type(scores).__name__
            raise BadTensor(
                f'criterion "{criterion}" scored "{name}" with {kind}: a floating point tensor was expected.'
            )
        if scores.shape != shape:
            raise BadTensor(
                f'criterion "{criterion}" scored "{name}" with shape {tuple(scores.shape)}: '
                f"the weight's shape {tuple(shape)} was expected."
            )
        if scores.isnan().any():
            index = tuple(int(each) for each in scores.isnan().nonzero()[0])
            raise BadTensor(
                f'criterion "{criterion}" scored "{name}" with NaN, first at {index}. '
                "Look for an overflow in its ingredients, or for a model that has diverged."
            )
    return {name: answer[name].detach() for name in shapes}
