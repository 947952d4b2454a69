"""Sparsity-indexed ODE: from soft masks of ones to sparse ones, along the fastest fall of the loss."""

import torch

from pruneproof.api import BadConfig, Criterion, Probe, Source, Tensors


def sparsity_ode(
    weights: Tensors,
    alive: Tensors,
    probe: Probe,
    *,
    density: float = 0.1,
    steps: int = 15,
    radius: float = 1.1,
) -> Tensors:
    """Return |m ⊙ θ| at the end of the path of soft masks m from 1 to an l2 norm of density · √N.

    Mo, Shi, Pan (2023), "Pruning via Sparsity-indexed ODE: a Continuous Sparsity Viewpoint". G(m) = ‖m‖ / √N measures
    the density of N alive weights, E(m) is the loss. With v_G = -∇G and v_E = -∇E, m moves by dt · δ, where

        δ = x v_E + y v_G,   x = √((r² - 1) / (‖v_G‖² ‖v_E‖² - ⟨v_G, v_E⟩²)),   y = (1 - x ⟨v_G, v_E⟩) / ‖v_G‖²,

    so that ⟨δ, v_G⟩ = 1 and ‖δ‖ ‖v_G‖ = r: of all directions of length r / ‖v_G‖ that lose density at the rate 1, the
    one in which the loss falls fastest. Steps are κ (κ^(i/n - 1) - κ^((i+1)/n - 1)) long, i = 0 ... n-1, κ the density;
    together 1 - κ. ∇E is taken at the hard mask: the floor((1 - G) N) weights of least |m θ| are 0, with all that tie
    with them, the others 1; and at m itself where that is at most one weight.

    r = 1 follows v_G alone, keeps m uniform and gives the ranking of magnitude.

    Deviations: the path leads to `density`, which the selection does not know of: give it the density that is selected.
    The authors take one fresh batch of 512 per step; here each step sees all scoring samples. In theirs the first
    convolution is not pruned (`unprunable`), and running statistics are reset after pruning. Their 1e-12 under roots
    and quotients are left out: where v_E has no direction of its own, δ = v_G / ‖v_G‖².

    >>> class Slope:  # L falls with the second weight
    ...     def gradients(self, *, at, **_):
    ...         return {"w": torch.tensor([0.0, -1.0]).double()}
    >>> weights = {"w": torch.tensor([1.0, 1.0]).double()}
    >>> alive = {"w": torch.tensor([True, True])}
    >>> magnitude = sparsity_ode(weights, alive, Slope(), density=0.5, radius=1.0)["w"]
    >>> [round(each, 6) for each in magnitude.tolist()]
    [0.5, 0.5]
    >>> first, second = sparsity_ode(weights, alive, Slope(), density=0.5)["w"].tolist()
    >>> first < second
    True

    Args:
        weights: θ, name -> tensor of any shape, dead weights zero.
        alive: the mask so far; dead weights are no part of the path and score 0.
        probe: gives the gradient at given weights, on batch statistics.
        density: κ, in (0, 1].
        steps: n >= 1; 15 is the default of the authors' class, 100 that of their scripts.
        radius: r >= 1; 1.1 in the authors' scripts.

    Returns:
        Scores of the weights' shapes, float64, in [0, ∞).

    Raises:
        BadConfig: an option out of range, or no scoring samples.
    """
    if not 0.0 < density <= 1.0 or steps < 1 or not radius >= 1.0:
        raise BadConfig(
            f"sparsity-ode got the density {density}, {steps} steps and the radius {radius}; a number in (0, 1], a "
            "whole number from 1 and a number of at least 1 were expected."
        )
    names = sorted(weights)
    there = torch.cat([alive[name].flatten() for name in names])
    theta = torch.cat([weights[name].double().flatten() for name in names])[there]
    soft = torch.ones_like(theta)
    for step in range(steps):
        if not len(theta):
            break
        hard = polarised(soft, theta)
        slopes = probe.gradients(at=_apart(hard * theta, there, weights), train_mode=True, double=True)
        energy = -theta * torch.cat([slopes[name].double().flatten() for name in names])[there]
        soft = soft + step_length(step, steps, density) * direction(soft, energy, radius)
    found = _apart((soft * theta).abs(), there, weights)
    return {name: found[name] for name in weights}


def polarised(soft: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
    """Return the hard mask at the density of a soft one.

    >>> polarised(torch.full((4,), 0.5), torch.tensor([3.0, -1.0, 2.0, 1.0]))
    tensor([1., 0., 1., 0.])
    """
    gone = int((1.0 - float(soft.norm()) / len(soft) ** 0.5) * len(soft))
    if gone <= 1:
        return soft
    reach = (soft * theta).abs()
    return (reach > reach.kthvalue(gone).values).to(soft.dtype)


def direction(soft: torch.Tensor, energy: torch.Tensor, radius: float) -> torch.Tensor:
    """Return δ, from m and v_E.

    >>> soft, energy = torch.tensor([1.0, 1.0]).double(), torch.tensor([0.0, 1.0]).double()
    >>> found, sparser = direction(soft, energy, 1.1), -soft / 2
    >>> round(float(found @ sparser), 6), round(float(found.norm() * sparser.norm()), 6)
    (1.0, 1.1)
    """
    sparser = -soft / (soft.norm() * len(soft) ** 0.5)
    square, along = sparser @ sparser, sparser @ energy
    own = energy - along / square * sparser  # what v_E has beside v_G: ‖v_G‖² ‖v_E‖² - ⟨v_G, v_E⟩² = ‖v_G‖² ‖own‖²
    length = own.norm()
    if not bool(length > 1e-12 * energy.norm()) or radius == 1.0:
        own = torch.zeros_like(own)
    found: torch.Tensor = sparser / square + ((radius**2 - 1) / square).sqrt() / length.clamp_min(1e-300) * own
    return found


def step_length(step: int, steps: int, density: float) -> float:
    """Return dt of a step, from 0.

    >>> found = [step_length(each, 100, 0.1) for each in range(100)]
    >>> round(sum(found), 6), round(found[0], 5), round(found[-1], 5)
    (0.9, 0.02276, 0.00233)
    """
    return float(density * (density ** (step / steps - 1) - density ** ((step + 1) / steps - 1)))


def _apart(row: torch.Tensor, there: torch.Tensor, weights: Tensors) -> dict[str, torch.Tensor]:
    """Return a row of numbers of alive weights as tensors by name; zero at dead ones."""
    whole = torch.zeros(len(there), dtype=row.dtype, device=row.device)
    whole[there] = row
    names = sorted(weights)
    parts = torch.split(whole, [weights[name].numel() for name in names])
    return {name: part.reshape(weights[name].shape) for name, part in zip(names, parts, strict=True)}


SPARSITY_ODE = Criterion(
    id="sparsity-ode",
    score=sparsity_ode,
    source=Source(
        authors="Mo, Shi, Pan",
        year=2023,
        title="Pruning via Sparsity-indexed ODE: a Continuous Sparsity Viewpoint",
        equation="code: sparsity_ode.py",
    ),
    laws=frozenset({"nonnegative", "zero-for-zero-weight"}),
)
