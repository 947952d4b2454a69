"""Exact global selection over `torch.distributed`, for models whose tensors are sharded over processes.

Every process calls the same function with the shards that it holds, and gets the masks of these; no weight travels. The
answer is that of one process that ranks the gathered tensors: by score, then tensor name, then index in the full
tensor. Each weight must be passed by exactly one process: of replicated tensors only one replica.

The weights are ranked by integers of the same order. A round settles eleven bits of the one at the cut: each process
counts its own candidates in 2048 bins, and the sum of the counts says in which bin the cut lies. A round costs 16 KiB
per process whatever the size of the model: two rounds for float16 and bfloat16, three for float32, six for float64, and
a few more where a tie runs through a tensor. Before them the processes exchange a table of their shards, about a
hundred bytes for each.

Where a process fails (NaN, wrong arguments, out of memory), all raise the same error: each exchange carries along how
its senders fare. One that dies, or never calls, is noticed by the timeout of the process group.

FSDP keeps a flat run of each tensor on each rank:

>>> import torch, torch.distributed as dist
>>> dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
>>> shards = [Shard("fc1.weight", torch.tensor([0.5, -3.0, 1.0])), Shard("fc2.weight", torch.tensor([-2.0]), offset=7)]
>>> global_threshold(shards, sparsity=0.5)
2.0
>>> [mask.tolist() for mask in select_masks_sharded(shards, keep=2)]
[[False, True, False], [True]]
>>> dist.destroy_process_group()
"""

from collections.abc import Sequence

import torch
import torch.distributed as dist

from pruneproof.contracts.selection import Selection
from pruneproof.distributed.exchange import Exchange
from pruneproof.distributed.ranking import Asked, Pool, Score, agree, pools
from pruneproof.distributed.shard import Shard
from pruneproof.errors import BadConfig
from pruneproof.selection.amount import Amount

__all__ = ["Shard", "global_threshold", "select_masks_sharded"]

_EXACT = Selection()


def global_threshold(
    shards: Sequence[Shard],
    *,
    sparsity: float | None = None,
    keep: int | None = None,
    score: Score = "magnitude",
    selection: Selection = _EXACT,
    group: dist.ProcessGroup | None = None,
) -> float | None:
    """Return the smallest kept score over all processes of the group; None when nothing is kept.

    Args:
        shards: what this process holds, maybe nothing.
        sparsity: fraction of all weights of the group to remove, in [0, 1).
        keep: number of weights of the group to keep; exactly one of `sparsity` and `keep` is given.
        score: `magnitude` for |w|, or None when the shards are scores already.
        selection: its scope is `global` here, and its `unprunable` names are kept whole and do not count.
        group: the process group; the default one when None.

    Raises:
        BadConfig: no process group, arguments that contradict each other or differ between processes, or a sparsity out
            of range.
        BadTensor: NaN, another dtype, a shard outside its tensor, or shards that overlap.
        InfeasibleSelection: more to keep than there are weights.
        StageFailed: another process failed otherwise, or no longer answers.
    """
    if selection.scope.id == "tensor":
        raise BadConfig('the scope "tensor" has a threshold for each tensor. Use "global", or select the masks.')
    found = _pools(shards, Asked(Amount(sparsity, keep), score, selection), Exchange(group))
    return found[0].threshold()


def select_masks_sharded(
    shards: Sequence[Shard],
    *,
    sparsity: float | None = None,
    keep: int | None = None,
    score: Score = "magnitude",
    selection: Selection = _EXACT,
    group: dist.ProcessGroup | None = None,
) -> list[torch.Tensor]:
    """Return the mask of each shard, bool and on its device, so that exactly the asked number survives in all.

    Arguments and errors are those of `global_threshold`, and the scope may be `tensor` too, each tensor by itself.
    """
    found = _pools(shards, Asked(Amount(sparsity, keep), score, selection), Exchange(group))
    masks = {id(shard): mask for pool in found for shard, mask in zip(pool.shards, pool.masks(), strict=True)}
    return [
        masks[id(shard)] if id(shard) in masks else torch.ones_like(shard.data, dtype=torch.bool) for shard in shards
    ]


def _pools(shards: Sequence[Shard], asked: Asked, exchange: Exchange) -> list[Pool]:
    return pools(shards, asked, agree(shards, asked, exchange), exchange)
