"""The gradient of every sample's own loss, in chunks of samples."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch.func import grad, vmap

from pruneproof.contracts.dataset import Batch
from pruneproof.contracts.ingredients import Tensors
from pruneproof.errors import BadConfig
from pruneproof.training.curvature import NUMBERS, numbers_per_sample
from pruneproof.training.masked_model import MaskedModel, tempered
from pruneproof.training.samples import count_samples, samples


def sample_gradients(
    masked: MaskedModel, batches: Sequence[Batch], *, limit: int | None, double: bool, temperature: float
) -> dict[str, torch.Tensor]:
    """Return ∂ℓ(z_n(m ⊙ w) / T, y_n)/∂w of each sample: see `Probe.sample_gradients`.

    >>> layer = torch.nn.Linear(2, 2, bias=False)
    >>> _ = torch.nn.init.zeros_(layer.weight)  # p = (½, ½) for every sample
    >>> batch = torch.tensor([[1.0, 2.0], [4.0, 0.0]]), torch.tensor([0, 1])
    >>> masked = MaskedModel(layer, ["weight"], None, seed=0)
    >>> sample_gradients(masked, [batch], limit=None, double=False, temperature=1.0)["weight"]  # (p - e_y) xᵀ
    tensor([[[-0.5000, -1.0000],
             [ 0.5000,  1.0000]],
    <BLANKLINE>
            [[ 2.0000,  0.0000],
             [-2.0000,  0.0000]]])

    Raises:
        BadConfig: no scoring samples, a limit below 1, or a temperature out of range.
    """
    if limit is not None and limit < 1:
        raise BadConfig(
            f"a probe was asked for the gradients of {limit} samples: at least 1, or None for all, was expected."
        )
    every = count_samples(batches)
    count = every if limit is None else min(limit, every)
    with masked.looking(train_mode=False):
        weights = {name: leaf.detach() for name, leaf in masked.leaves(masked.weights(), double=double).items()}
        others = masked.others(double=double)

        def loss(weights: Tensors, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            logits = masked.outputs(weights, others, x.unsqueeze(0))
            return F.cross_entropy(tempered(logits, temperature), y.unsqueeze(0))

        slopes = vmap(grad(loss), in_dims=(None, 0, 0))
        found = {name: weight.new_empty(count, *weight.shape) for name, weight in weights.items()}
        done = 0
        for x, y, _ in samples(batches, weights):
            if done == count:
                break
            x, y = x[: count - done], y[: count - done]
            held = numbers_per_sample(masked.model, lambda some, x: masked.outputs(some, others, x), weights, x)
            rows = max(1, NUMBERS // (held + sum(weight.numel() for weight in weights.values())))
            for some_x, some_y in zip(torch.split(x, rows), torch.split(y, rows), strict=True):
                for name, part in slopes(weights, some_x, some_y).items():
                    found[name][done : done + len(some_x)] = part
                done += len(some_x)
    return found
