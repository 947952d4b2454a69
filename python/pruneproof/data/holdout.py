"""Which training samples become the validation split."""

import torch

from pruneproof.api import BadConfig


def hold_out(count: int, fraction: float, rng: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw round(`fraction` x `count`) of `count` samples; return the indices that stay and those held out, ascending.

    >>> stay, held = hold_out(5, 0.4, torch.Generator().manual_seed(0))
    >>> len(stay), len(held), sorted([*stay.tolist(), *held.tolist()])
    (3, 2, [0, 1, 2, 3, 4])

    Raises:
        BadConfig: one of the two would be empty.
    """
    held = round(fraction * count)
    if not 0 < held < count:
        raise BadConfig(
            f"a validation fraction of {fraction} holds out {held} of {count} training samples; "
            f"at least 1 and at most {count - 1} were expected. Choose another fraction."
        )
    drawn = torch.randperm(count, generator=rng)
    return drawn[held:].sort().values, drawn[:held].sort().values
