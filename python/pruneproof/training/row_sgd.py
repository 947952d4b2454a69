"""Stochastic gradient descent over a row of parameters."""

from typing import Any

import torch

from pruneproof.training.row import Row


class RowSGD(torch.optim.SGD):
    """`torch.optim.SGD` over a row: the same numbers to the bit, in a handful of passes however many parameters it has.

        g <- g + λ w;   b <- μ b + g, at first b <- g;   w <- w - η b, or w - η (g + μ b) by Nesterov

    in the library's order of operations: w weights, g gradients, b momentum buffers, all float32; λ the weight decay, μ
    the momentum, η the learning rate. Where the row lacks a gradient, the library's own step runs on the same memory.
    """

    def __init__(self, row: Row, lr: float, momentum: float, *, weight_decay: float, nesterov: bool) -> None:
        """Optimise the parameters of a row."""
        super().__init__(row.parameters, lr, momentum, weight_decay=weight_decay, nesterov=nesterov)
        self._row = row
        self._momentum = torch.zeros_like(row.weights) if momentum else None
        self._holds_state = False

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Take one step; the row's gradients are used up."""
        row, group = self._row, self.param_groups[0]
        if not row.has_gradients or not self._has_state():
            super().step(closure)
            return
        step = row.gradients
        if group["weight_decay"]:
            step.add_(row.weights, alpha=group["weight_decay"])
        if self._momentum is not None:
            if self._holds_state:
                self._momentum.mul_(group["momentum"]).add_(step)
            else:
                self._hold(self._momentum.copy_(step))
            step = step.add_(self._momentum, alpha=group["momentum"]) if group["nesterov"] else self._momentum
        row.weights.add_(step, alpha=-group["lr"])

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the state that another optimizer of the same parameters has left."""
        super().load_state_dict(state_dict)
        self._holds_state = False

    def _has_state(self) -> bool:
        """Say whether the state of all parameters is in the row, or none has any; bring it there where it can be."""
        if self._momentum is None or self._holds_state:
            return True
        states = [self.state.get(each, {}).get("momentum_buffer") for each in self._row.parameters]
        found = [each for each in states if each is not None]
        if len(found) == len(self._row.parameters):
            torch._foreach_copy_(self._row.views(self._momentum), found)
            self._hold(self._momentum)
        return self._holds_state or not found

    def _hold(self, momentum: torch.Tensor) -> None:
        for parameter, view in zip(self._row.parameters, self._row.views(momentum), strict=True):
            self.state[parameter]["momentum_buffer"] = view
        self._holds_state = True
