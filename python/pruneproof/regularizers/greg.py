"""GReg-1 and GReg-2: push weights that are to be pruned towards zero, a little harder every few steps.

Wang, Qin, Zhang, Fu (2021), arXiv 2012.09243. A step that prunes with `apply = false` says which; afterwards they are
pruned. In the authors' code all layers' choices are filters of smallest L1 norm.

Deviations from that code, for all of these: it also stops growing when the mean magnitude of the kept weights has been
1000 times that of the marked ones (1000 is an average over updates there, of all layers in GReg-1, of each in GReg-2);
here only the ceiling stops it. Its last λ lies up to one δλ above the ceiling, here exactly on it. How long the largest
λ is held is said by the recipe's epochs.
"""

from collections.abc import Mapping

import torch

from pruneproof.api import BadConfig, Regularizer, Source, Tensors


def greg_1(
    weights: Tensors,
    marked: Tensors,
    step: int,
    *,
    delta: float = 1e-4,
    every: int = 10,
    ceiling: float = 1.0,
) -> torch.Tensor:
    """Return λ_t/2 Σ w² over the marked weights, λ_t = min(delta · (floor(t / every) + 1), ceiling).

    GReg-1: the L2 factor of the weights chosen to be pruned, and of no others, grows by δλ every so many steps. The
    gradient of the penalty is λ w, as in the authors' code, which also takes the first δλ at step 0. With delta =
    ceiling the whole factor is there at once: "FixReg" of their code.

    >>> weights, marked = {"w": torch.tensor([2.0, 1.0])}, {"w": torch.tensor([True, False])}
    >>> [round(greg_1(weights, marked, t, delta=0.1, every=2, ceiling=0.25).item(), 4) for t in range(6)]
    [0.2, 0.2, 0.4, 0.4, 0.5, 0.5]

    Args:
        weights: the prunable weights, dead ones zero.
        marked: name -> true where a weight is to be pruned.
        step: t, optimizer steps done, from 0.
        delta: δλ, at least 0; 1e-4 in the authors' code.
        every: steps between two increases, from 1; 10 in the authors' code for CIFAR, 5 for ImageNet.
        ceiling: largest λ, at least 0; 1 in the authors' code.

    Raises:
        BadConfig: an option out of range.
    """
    factor = grown("greg-1", step // max(every, 1) + 1, delta=delta, every=every, ceiling=ceiling)
    return factor / 2 * squares(weights, marked)


def greg_2_pick(
    weights: Tensors, alive: Tensors, step: int, *, delta: float = 1e-5, every: int = 10, ceiling: float = 1e-2
) -> torch.Tensor:
    """Return λ_t/2 Σ w² over all alive prunable weights, λ_t = min(delta · (floor(t / every) + 1), ceiling).

    The first phase of GReg-2: a factor that grows alike for all weights shrinks those of little curvature most. Rank by
    magnitude afterwards, with `apply = false`, and go on with `greg-2`. It ends when λ reaches its ceiling, after
    ceiling / delta · every steps: 10,000 by the defaults.

    Deviation: every prunable weight is pulled, those of layers too that are not to be pruned, which the authors' code
    leaves out.

    >>> round(greg_2_pick({"w": torch.tensor([2.0])}, {"w": torch.tensor([True])}, 0, delta=0.1, ceiling=1.0).item(), 4)
    0.2

    Args:
        weights: the prunable weights, dead ones zero.
        alive: name -> bool mask.
        step: t, optimizer steps done, from 0.
        delta: δλ, at least 0; 1e-5 in the authors' code.
        every: steps between two increases, from 1.
        ceiling: largest λ, at least 0; 1e-2 in the authors' code.

    Raises:
        BadConfig: an option out of range.
    """
    factor = grown("greg-2-pick", step // max(every, 1) + 1, delta=delta, every=every, ceiling=ceiling)
    return factor / 2 * squares(weights, alive)


def greg_2(
    weights: Tensors,
    alive: Tensors,
    marked: Tensors,
    step: int,
    *,
    picked: float = 1e-2,
    delta: float = 1e-4,
    every: int = 10,
    ceiling: float = 1.0,
    recover: float = -1e-4,
) -> torch.Tensor:
    """Return λ_t/2 Σ w² over the marked weights + recover/2 Σ w² over the others of the same tensors.

    The second phase of GReg-2, after `greg-2-pick`: λ_t = min(picked + delta · (floor(t / every) + 1), ceiling) goes on
    from where picking has ended, and the kept weights, whose factor was raised too, get a small negative one to grow
    back. Tensors without a mark are left alone.

    >>> weights, marked = {"w": torch.tensor([2.0, 1.0])}, {"w": torch.tensor([True, False])}
    >>> alive = {"w": torch.tensor([True, True])}
    >>> round(greg_2(weights, alive, marked, 0, picked=0.5, delta=0.1, recover=-0.2).item(), 4)  # 0.6 · 2 - 0.1
    1.1

    Args:
        weights: the prunable weights, dead ones zero.
        alive: name -> bool mask.
        marked: name -> true where a weight is to be pruned.
        step: t, optimizer steps done, from 0.
        picked: λ at the end of picking, at least 0.
        delta: δλ, at least 0; 1e-4 in the authors' code.
        every: steps between two increases, from 1.
        ceiling: largest λ, at least 0; 1 in the authors' code.
        recover: λ of the weights that stay, -1e-4 in the authors' code; 0 leaves them alone.

    Raises:
        BadConfig: an option out of range.
    """
    if picked < 0:
        raise BadConfig(f"greg-2 got picked = {picked}; a number from 0 was expected.")
    factor = grown("greg-2", step // max(every, 1) + 1, delta=delta, every=every, ceiling=ceiling, start=picked)
    others = {name: ~where & alive[name] for name, where in marked.items() if where.any()}
    return factor / 2 * squares(weights, marked) + recover / 2 * squares(weights, others)


def grown(label: str, times: int, *, delta: float, every: int, ceiling: float, start: float = 0.0) -> float:
    """Return min(start + times · delta, ceiling).

    >>> [grown("mine", times, delta=0.5, every=1, ceiling=1.2) for times in range(4)]
    [0.0, 0.5, 1.0, 1.2]

    Raises:
        BadConfig: an option out of range.
    """
    if delta < 0 or every < 1 or ceiling < 0:
        raise BadConfig(
            f"{label} got delta {delta}, every {every} and ceiling {ceiling}; delta and ceiling from 0 and a whole "
            "number of steps from 1 were expected."
        )
    return min(start + delta * times, ceiling)


def squares(weights: Mapping[str, torch.Tensor], where: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return Σ w² over the weights of a mask.

    >>> squares({"w": torch.tensor([2.0, 1.0])}, {"w": torch.tensor([True, False])})
    tensor(4.)
    """
    parts = [(weights[name] * mask).square().sum() for name, mask in where.items()]
    return torch.stack(parts).sum() if parts else torch.zeros(())


def _source(equation: str) -> Source:
    return Source(
        authors="Wang, Qin, Zhang, Fu",
        year=2021,
        title="Neural Pruning via Growing Regularization",
        arxiv="2012.09243",
        equation=equation,
    )


GREG_1 = Regularizer(id="greg-1", penalty=greg_1, source=_source("GReg-1"))
GREG_2_PICK = Regularizer(id="greg-2-pick", penalty=greg_2_pick, source=_source("GReg-2, before filters are picked"))
GREG_2 = Regularizer(
    id="greg-2",
    penalty=greg_2,
    source=_source("GReg-2, once filters are picked"),
    expected_failures={"nonnegative": "the factor of the weights that stay is negative, so that they grow back"},
)
