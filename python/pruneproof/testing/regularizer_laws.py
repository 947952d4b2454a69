"""What every regularizer obeys. R is the penalty, w the prunable weights and m their mask."""

from typing import Any

import torch

from pruneproof.api import Regularizer
from pruneproof.testing import surroundings
from pruneproof.testing.law import law, require
from pruneproof.testing.masked import Masked, asked, require_untouched

GRADIENT = "compute the penalty from the tensors that you are given, without detach, item or no_grad."


def scalar(regularizer: Regularizer, case: Masked) -> None:
    """R(w) is a tensor of one number, and the number is finite."""
    answer = _penalty(regularizer, _differentiable(regularizer, case))
    form = f"a tensor of shape {tuple(answer.shape)}" if isinstance(answer, torch.Tensor) else type(answer).__name__
    require(isinstance(answer, torch.Tensor) and answer.numel() == 1, form, "return a sum, as a tensor.")
    require(bool(answer.isfinite().all()), f"{float(answer.detach())}", "look for a division by zero or a logarithm.")


def nonnegative(regularizer: Regularizer, case: Masked) -> None:
    """R(w) >= 0."""
    found = float(_penalty(regularizer, _differentiable(regularizer, case)).detach())
    require(found >= 0, f"{found:.6g}", "penalise a magnitude or a square; a reward has no floor to stop at.")


def differentiable(regularizer: Regularizer, case: Masked) -> None:
    """∂R/∂w exists and is finite, zeros of w included."""
    for name, slope in _gradients(regularizer, case).items():
        require(bool(slope.isfinite().all()), f'the gradient of "{name}" is not finite', "add ε below a root.")


def dead_weights_unseen(regularizer: Regularizer, case: Masked) -> None:
    """∂R/∂w_i = 0 where m_i = 0."""
    for name, slope in _gradients(regularizer, case).items():
        if name in case.masks:
            pulled = int(slope[~case.masks[name]].count_nonzero())
            advice = "multiply by `alive`, or penalise what has no slope at zero."
            require(not pulled, f'{pulled} dead weights of "{name}" are pulled', advice)


def deterministic(regularizer: Regularizer, case: Masked) -> None:
    """R(w) = R(w), to the bit, whatever the state of the global random generators."""
    first = float(_penalty(regularizer, _differentiable(regularizer, case)).detach())
    surroundings.stir()
    again = float(_penalty(regularizer, _differentiable(regularizer, case)).detach())
    advice = "draw nothing, and keep nothing between two calls; see `step` and `progress`."
    require(first == again, f"{first!r}, then {again!r}", advice)


def inputs_untouched(regularizer: Regularizer, case: Masked) -> None:
    """Every ingredient has the same names and bits after R(w) as before."""
    given = case.given(regularizer.penalty)
    with torch.no_grad():
        require_untouched(given, lambda: asked(regularizer.penalty, given))


def _differentiable(regularizer: Regularizer, case: Masked) -> dict[str, Any]:
    """Return the ingredients, those that are differentiable being leaves of which derivatives are taken."""
    given = case.given(regularizer.penalty)
    for kind in ("weights", "parameters", "scales", "shifts"):
        for each in given.get(kind, {}).values():
            each.requires_grad_()
    if "weights" in given and "parameters" in given:
        given["parameters"] |= given["weights"]
    return given


def _penalty(regularizer: Regularizer, given: dict[str, Any]) -> Any:
    return asked(regularizer.penalty, given)


def _gradients(regularizer: Regularizer, case: Masked) -> dict[str, torch.Tensor]:
    given = _differentiable(regularizer, case)
    penalty = _penalty(regularizer, given)
    require(penalty.requires_grad, "a penalty without a gradient", GRADIENT)
    leaves = {**given.get("parameters", {}), **given.get("weights", {})}
    slopes = torch.autograd.grad(penalty.sum(), list(leaves.values()), materialize_grads=True, allow_unused=True)
    return dict(zip(leaves, slopes, strict=True))


LAWS = (
    law(scalar),
    law(nonnegative),
    law(differentiable),
    law(dead_weights_unseen),
    law(deterministic),
    law(inputs_untouched),
)
