"""How much two masks have in common, and how much chance alone would give."""

from pruneproof.api import BadConfig, Metric, Tensors


def mask_overlap(alive: Tensors, reference_alive: Tensors) -> float:
    """Return |both| / |either| of the alive weights of this mask and another; 1 where both are empty.

    >>> import torch
    >>> mask_overlap({"w": torch.tensor([True, True, False])}, {"w": torch.tensor([False, True, True])})
    0.3333333333333333
    """
    both = sum(int((mask & reference_alive[name]).sum()) for name, mask in alive.items())
    either = sum(int((mask | reference_alive[name]).sum()) for name, mask in alive.items())
    return both / either if either else 1.0


def chance_overlap(alive: Tensors, reference_alive: Tensors, *, within: str = "tensor") -> float:
    """Return the overlap of two random masks: |both| is what is expected of independent draws.

    With `within = "tensor"` both have the counts a_l and b_l of the masks compared in each tensor, |both| = Σ a_l b_l /
    n_l: what is above it is a choice of weights and not of densities. With "network" only the totals: at equal density
    κ it is κ / (2 - κ).

    >>> import torch
    >>> half = {"w": torch.arange(10) < 5}
    >>> chance_overlap(half, half), 0.5 / (2 - 0.5)
    (0.3333333333333333, 0.3333333333333333)

    Raises:
        BadConfig: another word for `within`.
    """
    if within not in ("tensor", "network"):
        raise BadConfig(f'the metric "chance-overlap" has within = "{within}"; "tensor" or "network" was expected.')
    counts = [(int(m.sum()), int(reference_alive[name].sum()), m.numel()) for name, m in alive.items() if m.numel()]
    if within == "network":
        counts = [tuple(map(sum, zip(*counts, strict=True)))] if counts else []  # type: ignore[list-item]
    both = sum(mine * theirs / size for mine, theirs, size in counts)
    either = sum(mine + theirs for mine, theirs, _ in counts) - both
    return both / either if either else 1.0


METRICS: tuple[Metric, ...] = (
    Metric("mask-overlap", mask_overlap, "Alive weights in common with another mask, over those of either."),
    Metric("chance-overlap", chance_overlap, "The same for random masks of the same counts."),
)
