"""CHITA's schedules: the sparsities of its stages, after each of which the gradients are taken anew."""

from pruneproof.api import BadConfig, Schedule, Source


def chita_poly(target: float, steps: int, *, base: float = 0.0) -> list[float]:
    """Return s + (b - s)(1 - i/(n-1))³ for i = 0 ... n-1; the target alone for one step.

    Benbaki et al. (2023), arXiv 2302.14623, `generate_schedule` of the authors' code. Unlike `cubic`, which ends its
    first step above its initial sparsity, this one spends its first stage on b itself.

    >>> [round(each, 4) for each in chita_poly(0.9, 4, base=0.1)]
    [0.1, 0.663, 0.8704, 0.9]

    Args:
        target: s, final sparsity in [0, 1).
        steps: n, at least 1.
        base: b, sparsity after the first of several stages, in [0, target]; the authors' scripts set it (0.3 for
            ResNet-20).

    Raises:
        BadConfig: an argument is out of range.
    """
    _check("chita-poly", target, steps, base)
    return _ending([target + (base - target) * (1 - i / (steps - 1)) ** 3 for i in range(steps - 1)], base, target)


def chita_exp(target: float, steps: int, *, base: float = 0.0) -> list[float]:
    """Return b + (s - b)(1 - 2^-i) / (1 - 2^-(n-1)) for i = 0 ... n-1: each stage adds half of what the last one added.

    Benbaki et al. (2023), arXiv 2302.14623, `generate_schedule` of the authors' code. The first stage is b itself.

    >>> [round(each, 4) for each in chita_exp(0.9, 4, base=0.1)]
    [0.1, 0.5571, 0.7857, 0.9]

    Args:
        target: s, final sparsity in [0, 1).
        steps: n, at least 1.
        base: as `chita_poly`.

    Raises:
        BadConfig: an argument is out of range.
    """
    _check("chita-exp", target, steps, base)
    whole = 1 - 2.0 ** -(steps - 1)
    return _ending([base + (target - base) * (1 - 2.0**-i) / whole for i in range(steps - 1)], base, target)


def chita_mfac(target: float, steps: int, *, base: float = 0.0) -> list[float]:
    """Return 1 - (1 - b)((1 - s)/(1 - b))^(i/n) for i = 1 ... n: the same share of the survivors at each stage.

    Benbaki et al. (2023), arXiv 2302.14623, `generate_schedule` of the authors' code, after M-FAC. With b = 0 it is
    `exponential`. Its first stage is above b.

    >>> [round(each, 4) for each in chita_mfac(0.9, 4, base=0.1)]
    [0.4804, 0.7, 0.8268, 0.9]

    Args:
        target: s, final sparsity in [0, 1).
        steps: n, at least 1.
        base: b, sparsity before the first stage, in [0, target].

    Raises:
        BadConfig: an argument is out of range.
    """
    _check("chita-mfac", target, steps, base)
    left = (1 - target) / (1 - base)
    return _ending([1 - (1 - base) * left ** (i / steps) for i in range(1, steps)], base, target)


def _ending(sparsities: list[float], base: float, target: float) -> list[float]:
    """End on the target; rounding can leave [base, target] by one unit in the last place."""
    return [min(max(each, base), target) for each in sparsities] + [target]


def _check(schedule: str, target: float, steps: int, base: float) -> None:
    if not 0.0 <= target < 1.0:
        raise BadConfig(f'schedule "{schedule}" got the target sparsity {target}: a fraction in [0, 1) was expected.')
    if steps < 1:
        raise BadConfig(f'schedule "{schedule}" got {steps} steps: at least 1 was expected.')
    if not 0.0 <= base <= target:
        raise BadConfig(f'schedule "{schedule}" got the base {base}: a sparsity in [0, {target}] was expected.')


BENBAKI = Source(
    authors="Benbaki, Chen, Meng, Hazimeh, Ponomareva, Zhao, Mazumder",
    year=2023,
    title="Fast as CHITA: Neural Network Pruning with Combinatorial Optimization",
    arxiv="2302.14623",
    equation="code: generate_schedule",
)
CHITA_POLY = Schedule(id="chita-poly", sparsities=chita_poly, source=BENBAKI)
CHITA_EXP = Schedule(id="chita-exp", sparsities=chita_exp, source=BENBAKI)
CHITA_MFAC = Schedule(id="chita-mfac", sparsities=chita_mfac, source=BENBAKI)
