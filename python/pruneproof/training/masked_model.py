"""The model as a function of its prunable weights under their mask; the model itself stays as it was, to the bit."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn
from torch.func import functional_call

from pruneproof.contracts.ingredients import Tensors
from pruneproof.errors import BadConfig, BadTensor
from pruneproof.training.masker import alive_tensors
from pruneproof.training.seeding import seeded
from pruneproof.values.masks import MaskSet


class MaskedModel:
    """A model and the mask m of its prunable weights w.

    >>> layer = nn.Linear(2, 1, bias=False)
    >>> masks = MaskSet.from_tensors({"weight": torch.tensor([[True, False]])})
    >>> masked = MaskedModel(layer, ["weight"], masks, seed=0)
    >>> masked.outputs({"weight": torch.tensor([[3.0, 5.0]])}, {}, torch.ones(1, 2))  # of m ⊙ w
    tensor([[3.]])
    """

    def __init__(self, model: nn.Module, names: Sequence[str], masks: MaskSet | None, *, seed: int) -> None:
        """Look at the weights `names` of `model` under `masks`; `seed` decides dropout.

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
        self.model = model
        self.names = list(names)
        self._alive = alive_tensors(model, masks) if masks is not None else {}
        self._parameters = {name: parameter.detach() for name, parameter in parameters.items()}
        # A parameter that several modules share is given once, and by its prunable name if it has one.
        own = {id(parameters[name]) for name in names}
        self._other_names = [name for name, parameter in model.named_parameters() if id(parameter) not in own]
        self._seed = seed

    @contextmanager
    def looking(self, *, train_mode: bool) -> Iterator[None]:
        """Set the mode of every module, seed the global generators, and put everything back at the end."""
        modes = [(part, part.training) for part in self.model.modules()]
        try:
            self.model.train(train_mode)
            with seeded(self._seed), torch.enable_grad():
                yield
        finally:
            for part, mode in modes:
                part.training = mode

    def weights(self) -> dict[str, torch.Tensor]:
        """Return the prunable weights as the model holds them, dead ones whatever they are."""
        return {name: self._parameters[name] for name in self.names}

    def alive(self) -> dict[str, torch.Tensor]:
        """Return the masks of the prunable weights; all true where there is no mask."""
        return {
            name: self._alive[name] if name in self._alive else torch.ones_like(weight, dtype=torch.bool)
            for name, weight in self.weights().items()
        }

    def masked(self, name: str, weight: torch.Tensor) -> torch.Tensor:
        """Return the weight with dead entries zero."""
        # A product with the mask would let NaN and infinity of dead weights through.
        return torch.where(self._alive[name], weight, 0.0) if name in self._alive else weight

    def leaves(self, weights: Tensors, *, double: bool, dead: bool = False) -> dict[str, torch.Tensor]:
        """Return weights to differentiate at: w, or m ⊙ w where `dead` ones count as parameters too.

        Raises:
            BadTensor: other names or shapes than those of the prunable weights.
        """
        self.check_shapes(weights)
        return {
            name: (self.masked(name, weights[name]) if dead else weights[name])
            .detach()
            .to(torch.float64 if double else own.dtype)
            .requires_grad_()
            for name, own in self.weights().items()
        }

    def others(
        self, every: Callable[[torch.Tensor], torch.Tensor] | None = None, *, double: bool
    ) -> dict[str, torch.Tensor]:
        """Return what is not differentiated: masked parameters, and copies of the buffers to write into."""
        parameters = {name: self.masked(name, self._parameters[name]) for name in self._other_names}
        buffers = {name: each.clone() for name, each in self.model.named_buffers()}
        others = {name: every(each) if every else each for name, each in (parameters | buffers).items()}
        return {name: each.double() if double and each.is_floating_point() else each for name, each in others.items()}

    def outputs(self, weights: Tensors, others: Tensors, x: torch.Tensor, *, dead: bool = False) -> torch.Tensor:
        """Call the model with m ⊙ w, or, where `dead`, with the weights as they are given."""
        taken = weights if dead else {name: self.masked(name, weight) for name, weight in weights.items()}
        outputs: torch.Tensor = functional_call(self.model, {**others, **taken}, (x,))
        return outputs

    def check_shapes(self, tensors: Tensors) -> None:
        """Check that the tensors have the names and shapes of the prunable weights.

        Raises:
            BadTensor: they have not.
        """
        expected = {name: tuple(weight.shape) for name, weight in self.weights().items()}
        found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        if found != expected:
            wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
            raise BadTensor(
                f'a probe was given tensors that do not fit the prunable weights, first "{wrong[0]}": '
                f"shape {found.get(wrong[0], 'absent')}, expected {expected.get(wrong[0], 'none')}."
            )


def tempered(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return logits / temperature, which the cross-entropy is taken of.

    Raises:
        BadConfig: a temperature that is not above 0.

    >>> tempered(torch.tensor([2.0, -4.0]), 2.0)
    tensor([ 1., -2.])
    """
    if not temperature > 0.0:
        raise BadConfig(f"a probe was given the temperature {temperature}: a number above 0 was expected.")
    return logits if temperature == 1.0 else logits / temperature
