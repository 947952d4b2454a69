"""The single enforcer of masks: on gradients before the optimizer, on weights after it, on tensors before saving."""

from collections.abc import Iterable

import torch
from torch import nn

from pruneproof.errors import BadTensor, MaskBreach
from pruneproof.training.masked_row import MaskedRow
from pruneproof.training.row import Row
from pruneproof.values.enforced import Enforced
from pruneproof.values.mask_apply import bits_of
from pruneproof.values.masks import MaskSet

ADVICE = (
    "Something changed the model after the mask was applied: look for hooks, weight averaging and replaced parameters."
)


def alive_tensors(model: nn.Module, masks: MaskSet) -> dict[str, torch.Tensor]:
    """Return name -> bool mask, each on the device of the parameter that it belongs to.

    Raises:
        BadTensor: a mask belongs to no parameter of the model, or has another shape.
    """
    parameters = dict(model.named_parameters(remove_duplicate=False))
    for name, shape in masks.shapes.items():
        if name not in parameters:
            raise BadTensor(
                f'mask "{name}" belongs to no parameter of the model, which has {", ".join(parameters)}. '
                "Was the mask made for another model?"
            )
        if parameters[name].shape != shape:
            raise BadTensor(
                f'mask "{name}" has shape {shape}, its weight {tuple(parameters[name].shape)}. '
                "Was the mask made for a model of another size?"
            )
    return {name: masks[name].to(parameters[name].device) for name in masks}


class Masker:
    """Keeps the dead weights of a plain module at exactly +0.0 while any optimizer trains it.

    The dead weights are zero from construction on. One training step is

        loss.backward()
        masker.mask_gradients()   # dead weights must not count in clipping norms and momentum
        optimizer.step()          # weight decay and old momentum may still move them
        masker.mask_weights()
        masker.watch(step)

    and `assert_intact` at the end of each epoch. Nothing is attached to the model, so that it can be copied and saved
    as it is. Make the Masker after the model is on its device.

    >>> import numpy as np
    >>> layer = nn.Linear(2, 2, bias=False)
    >>> masker = Masker(layer, MaskSet.from_arrays({"weight": np.array([[True, False], [True, True]])}))
    >>> layer.weight.count_nonzero().item()
    3
    """

    def __init__(self, model: nn.Module, masks: MaskSet, row: Row | None = None) -> None:
        """Mask the weights of `model` with `masks`, in one pass each where its parameters lie in a `row`.

        Raises:
            BadTensor: a mask belongs to no parameter of the model, or has another shape.
        """
        self._model = model
        self._row = row
        self._set(masks)

    def _set(self, masks: MaskSet) -> None:
        alive = alive_tensors(self._model, masks)
        self.masks = masks
        weights = {name: self._model.get_parameter(name) for name in alive}
        self._enforced = Enforced(weights, alive)
        self._in_row = MaskedRow(self._model, self._row, alive) if self._row is not None else None
        # All bits of a dead weight but the sign, none of an alive one; the tensors in one row.
        row = bits_of(_row(weights.values()))
        self._forbidden = _row(~mask for mask in alive.values()).to(row.dtype) * torch.iinfo(row.dtype).max
        # What `watch` saw stays on the device until somebody asks.
        self._seen = torch.zeros_like(self._forbidden)
        self._seen_at = torch.full((), -1, dtype=torch.int64, device=row.device)
        self.mask_weights()

    def update(self, masks: MaskSet) -> None:
        """Go on with other masks, from now on.

        An optimizer keeps the momentum of weights that die now; it decays, and `mask_weights` undoes what it does to
        them.

        Raises:
            BadTensor: as the constructor.
            MaskBreach: as `assert_intact`, for the masks so far.
        """
        self.assert_intact()
        self._set(masks)

    def mask_gradients(self) -> None:
        """Set the gradients of dead weights to zero, whatever they were; call it before clipping and the optimizer."""
        if self._in_row is None or not self._in_row.mask_gradients():
            self._enforced.mask_gradients()

    def mask_weights(self) -> None:
        """Set dead weights to +0.0, whatever they were (a product with the mask would leave -0.0 and NaN)."""
        if self._in_row is None or not self._in_row.mask_weights():
            self._enforced.mask_weights()

    def watch(self, step: int) -> None:
        """Look whether a dead weight is alive, and remember the first `step` at which one was.

        The model's tensors are looked up by name, so that a replaced parameter or module does not go unseen. On CUDA
        this only queues work and does not wait for it.
        """
        if self._enforced.keep and not self._is_seen_intact():
            revived = self._revived()
            first = (revived.amax() > 0) & (self._seen_at < 0)
            self._seen |= revived * first
            self._seen_at.masked_fill_(first, step)

    def assert_intact(self) -> None:
        """Check that no dead weight was alive at any watched step, nor is now.

        Raises:
            MaskBreach: one was; names tensor, number of weights and step.
        """
        step = int(self._seen_at)
        if step >= 0:
            self._refuse(self._seen, f"after step {step}")
        if not self._is_seen_intact() and (now := self._revived()).any():
            self._refuse(now, "now")

    def masked_state_dict(self) -> dict[str, torch.Tensor]:
        """Return the model's state dict for saving, after checking it; it shares memory with the model.

        Raises:
            MaskBreach: as `assert_intact`.
        """
        self.assert_intact()
        return self._model.state_dict()

    def _is_seen_intact(self) -> bool:
        """Say whether one pass over the row shows that no dead weight is alive; without a row it shows nothing."""
        return self._in_row is not None and self._in_row.is_intact()

    @torch.no_grad()
    def _revived(self) -> torch.Tensor:
        """Return one integer per masked weight, in one row: above 0 where it is dead by the mask and yet not zero."""
        return bits_of(_row(self._current(name) for name in self._enforced.keep)).bitwise_and_(self._forbidden)

    def _current(self, name: str) -> torch.Tensor:
        try:
            weight = self._model.get_parameter(name)
        except AttributeError:
            raise MaskBreach(f'the masked weight "{name}" is no longer a parameter of the model. {ADVICE}') from None
        if weight.shape != self._enforced.keep[name].shape:
            raise MaskBreach(f'the masked weight "{name}" now has the shape {tuple(weight.shape)}. {ADVICE}')
        return weight

    def _refuse(self, revived: torch.Tensor, when: str) -> None:
        parts = torch.split(revived, [keep.numel() for keep in self._enforced.keep.values()])
        counts = {
            name: int(part.count_nonzero()) for name, part in zip(self._enforced.keep, parts, strict=True) if part.any()
        }
        found = ", ".join(f'{count} of "{name}"' for name, count in counts.items())
        raise MaskBreach(f"pruned weights were alive {when}: {found}; none was expected. {ADVICE}")


def _row(tensors: Iterable[torch.Tensor]) -> torch.Tensor:
    """Return a copy of all elements in one row."""
    rows = [tensor.flatten() for tensor in tensors]
    return torch.cat(rows) if rows else torch.zeros(0)
