"""The parameters of a network one after the other in memory, so that one pass reaches all of them."""

from itertools import pairwise

import torch
from torch import nn

LINE = 64
"""Bytes of a cache line; every parameter begins on one, as torch's own allocations do."""


class Row:
    """The parameters of a network in one piece of memory, and their gradients in another, at the same places.

    The parameters stay what they were, with their shapes, strides and bits; only their memory is another one. Between
    two of them lie zeros, up to the next cache line.

    >>> layer = nn.Linear(2, 1)
    >>> row = Row.of(layer)
    >>> _ = row.weights.fill_(3.0)
    >>> layer.weight.tolist(), layer.bias.tolist()
    ([[3.0, 3.0]], [3.0])
    """

    def __init__(self, parameters: list[nn.Parameter]) -> None:
        """Move parameters that `Row.of` has found fit."""
        self.parameters = parameters
        dtype, width = parameters[0].dtype, LINE // parameters[0].element_size()
        self._starts: list[int] = []
        length = 0
        for parameter in parameters:
            self._starts.append(length)
            length += -(-parameter.numel() // width) * width
        self._layouts = [(parameter.shape, parameter.stride()) for parameter in parameters]
        self.weights = torch.zeros(length, dtype=dtype)
        self.gradients = torch.zeros(length, dtype=dtype)
        self._gradients = self.views(self.gradients)
        own = self.views(self.weights)
        for parameter, view in zip(parameters, own, strict=True):
            view.copy_(parameter.detach())
            parameter.data = view
        self._addresses = [view.data_ptr() for view in own]
        self.has_gradients = False
        """Whether the gradients of the parameters are those of the row."""

    @classmethod
    def of(cls, model: nn.Module) -> "Row | None":
        """Move the parameters of a model into a row; None, and nothing is changed, where they do not fit into one.

        They fit if they are trained on the CPU in float32, and each is dense in a memory of its own.
        """
        parameters = list(model.parameters())
        fit = all(
            type(each) is nn.Parameter
            and each.device.type == "cpu"
            and each.dtype == torch.float32
            and each.requires_grad
            and _is_dense(each)
            for each in parameters
        )
        if not parameters or not fit or _overlap([*parameters, *model.buffers()]):
            return None
        return cls(parameters)

    def views(self, line: torch.Tensor) -> list[torch.Tensor]:
        """Return the part of each parameter, with its shape, of a tensor as long as the row."""
        return [
            line.as_strided(shape, strides, start)
            for start, (shape, strides) in zip(self._starts, self._layouts, strict=True)
        ]

    def is_whole(self) -> bool:
        """Say whether all parameters are still in the row; code that assigns `parameter.data` takes one out."""
        return [each.data_ptr() for each in self.parameters] == self._addresses

    def release(self) -> None:
        """Forget the gradients of all parameters."""
        self.has_gradients = False
        for parameter in self.parameters:
            parameter.grad = None

    def gather(self) -> bool:
        """Copy the gradients into the row and make the parameters' gradients parts of it; False where one is missing.

        Where it is False, nothing has changed.
        """
        found = [each.grad for each in self.parameters]
        gradients = [each for each in found if each is not None and each.layout == torch.strided]
        if len(gradients) < len(found) or not self.is_whole():
            return False
        torch._foreach_copy_(self._gradients, gradients)
        for parameter, view in zip(self.parameters, self._gradients, strict=True):
            parameter.grad = view
        self.has_gradients = True
        return True


def _is_dense(tensor: torch.Tensor) -> bool:
    """Say whether the elements of a tensor follow each other, in the order of its dimensions or with channels last."""
    ordered = tensor.is_contiguous() or (tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last))
    return ordered and tensor.numel() > 0


def _overlap(tensors: list[torch.Tensor]) -> bool:
    """Say whether two tensors have memory in common."""
    spans = sorted((each.data_ptr(), each.data_ptr() + each.nbytes) for each in tensors if each.numel())
    return any(start < end for (_, end), (start, _) in pairwise(spans))
