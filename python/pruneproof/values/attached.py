"""`Attached`: masks that an optimizer's own steps keep."""

from collections.abc import Callable, Mapping
from functools import wraps
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import torch

from pruneproof.errors import BadConfig
from pruneproof.values.enforced import Enforced
from pruneproof.values.mask_apply import maskable_tensors

if TYPE_CHECKING:
    from pruneproof.values.masks import MaskSet

Target = torch.nn.Module | Mapping[str, torch.Tensor]


class Attached:
    """Hooks around the steps of an optimizer that keep dead weights at +0.0, until `remove` is called."""

    def __init__(self, masks: "MaskSet", optimizer: torch.optim.Optimizer, model: Target | None) -> None:
        """Mask the weights, and hook into the optimizer's steps; see `MaskSet.attach`."""
        if not isinstance(optimizer, torch.optim.Optimizer) or not getattr(type(optimizer).step, "hooked", False):
            raise BadConfig(
                f"{type(optimizer).__name__} runs no step hooks, which torch's optimizers do. Attach the masks to the "
                "optimizer that it wraps, and call `mask_weights` after steps in which it writes to weights itself."
            )
        weights = maskable_tensors(masks, _named_by(optimizer) if model is None else model)
        trained = {id(each) for group in optimizer.param_groups for each in group["params"]}
        if weights and not any(id(each) in trained for each in weights.values()):
            raise BadConfig(
                f"the optimizer trains none of the masked weights ({', '.join(list(weights)[:5])}). Attach the masks "
                "to the one of this model, made after the model was moved or wrapped."
            )
        self._enforced = Enforced(weights, masks)
        self._enforced.mask_weights()
        self._hooks = [
            optimizer.register_step_pre_hook(self._before),
            optimizer.register_step_post_hook(lambda *_: self._enforced.mask_weights()),
        ]

    def mask_gradients(self) -> None:
        """Set the gradients of dead weights to zero now: before they are clipped by their norm."""
        self._enforced.mask_gradients()

    def mask_weights(self) -> None:
        """Set dead weights to +0.0 now: after something else than the optimizer wrote to them, as `load_state_dict`."""
        self._enforced.mask_weights()

    def remove(self) -> None:
        """Let go of the optimizer; the weights stay as they are."""
        for hook in self._hooks:
            hook.remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.remove()

    def _before(
        self, optimizer: torch.optim.Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Mask the gradients there are, and those that a closure will make."""
        self._enforced.mask_gradients()
        own, *rest = args
        if rest and callable(rest[0]):
            rest[0] = self._masking(rest[0])
        if callable(kwargs.get("closure")):
            kwargs = {**kwargs, "closure": self._masking(kwargs["closure"])}
        return (own, *rest), kwargs

    def _masking(self, closure: Callable[[], Any]) -> Callable[[], Any]:
        @wraps(closure)
        def masked() -> Any:
            loss = closure()
            self._enforced.mask_gradients()
            return loss

        return masked


def _named_by(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """Return the parameters of an optimizer that knows their names."""
    named = {
        name: each
        for group in optimizer.param_groups
        for name, each in zip(group.get("param_names", ()), group["params"], strict=False)
    }
    if not named:
        raise BadConfig(
            "the optimizer does not know the names of its parameters. Pass the model too: "
            "masks.attach(optimizer, model)."
        )
    return named
