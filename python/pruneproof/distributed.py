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

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from math import prod
from typing import Any, Literal, TypeVar

import torch
import torch.distributed as dist

from pruneproof.errors import BadConfig, BadTensor, InfeasibleSelection, PruneproofError, StageFailed
from pruneproof.units import keep_count
from pruneproof.values.ranks import Cut, find_cut, score_of, signed, signed_keys

Score = Literal["magnitude"] | None

_DTYPES = {
    each: str(each).removeprefix("torch.") for each in (torch.float16, torch.bfloat16, torch.float32, torch.float64)
}
_CHUNK = 1 << 20
_T = TypeVar("_T")


@dataclass(frozen=True)
class Shard:
    """The part of a named tensor that this process holds; it may be empty.

    Without `full_shape` it is a run of the flattened tensor (FSDP). With it, it is a box of a tensor of that shape:
    rows, columns, or both (tensor parallel, FSDP 2), such as columns 64 to 127 of 256:
    `Shard("fc.weight", local, offset=64, full_shape=(128, 256))`.
    """

    name: str
    """State-dict name of the full tensor."""
    data: torch.Tensor
    """The local weights or scores, on any device: float16, bfloat16, float32 or float64."""
    offset: int = 0
    """Flat index (C order) of the first local element in the full tensor."""
    full_shape: tuple[int, ...] | None = None
    """Shape of the full tensor, when the shard is a box of it."""


def global_threshold(
    shards: Sequence[Shard],
    *,
    sparsity: float | None = None,
    keep: int | None = None,
    score: Score = "magnitude",
    group: dist.ProcessGroup | None = None,
) -> float | None:
    """Return the smallest kept score over all processes of the group; None when nothing is kept.

    Args:
        shards: what this process holds, maybe nothing.
        sparsity: fraction of all weights of the group to remove, in [0, 1).
        keep: number of weights of the group to keep; exactly one of `sparsity` and `keep` is given.
        score: `magnitude` for |w|, or None when the shards are scores already.
        group: the process group; the default one when None.

    Raises:
        BadConfig: no process group, arguments that contradict each other or differ between processes, or a sparsity out
            of range.
        BadTensor: NaN, another dtype, a shard outside its tensor, or shards that overlap.
        InfeasibleSelection: more to keep than there are weights.
        StageFailed: another process failed otherwise, or no longer answers.
    """
    return _Ranking(shards, sparsity, keep, score, group).threshold()


def select_masks_sharded(
    shards: Sequence[Shard],
    *,
    sparsity: float | None = None,
    keep: int | None = None,
    score: Score = "magnitude",
    group: dist.ProcessGroup | None = None,
) -> list[torch.Tensor]:
    """Return the mask of each shard, bool and on its device, so that exactly the asked number survives in all.

    Arguments and errors are those of `global_threshold`.
    """
    return _Ranking(shards, sparsity, keep, score, group).masks()


@dataclass(frozen=True)
class _Table:
    """What a process tells the others before any work."""

    asked: tuple[float | None, int | None, Score]
    dtypes: frozenset[str]
    boxes: tuple[tuple[str, tuple[int, ...], tuple[int, ...], tuple[int, ...] | None], ...]
    """Name, first corner, last corner (exclusive) and full shape of each shard that is not empty."""


class _Ranking:
    """One selection over all processes."""

    def __init__(
        self,
        shards: Sequence[Shard],
        sparsity: float | None,
        keep: int | None,
        score: Score,
        group: dist.ProcessGroup | None,
    ) -> None:
        self.shards, self.score, self.group = shards, score, _Group(group)
        tables = self.group.gather(partial(_describe, shards, (sparsity, keep, score)))
        if any(table.asked != tables[0].asked for table in tables):
            raise BadConfig(
                "the processes ask for different (sparsity, keep, score): "
                f"{', '.join(str(table.asked) for table in tables)}. All must call with the same ones."
            )
        boxes = [box for table in tables for box in table.boxes]
        _refuse_overlaps(boxes)
        self.size = sum(
            prod(end - start for start, end in zip(first, last, strict=True)) for _, first, last, _ in boxes
        )
        self.order = {name: place for place, name in enumerate(sorted({name for name, *_ in boxes}))}
        self.index_bits = max((_flat_end(last, full).bit_length() for _, _, last, full in boxes), default=1)
        self.keep = keep_count(self.size, sparsity) if sparsity is not None else int(keep or 0)
        if self.keep > self.size:
            raise InfeasibleSelection(f"{self.keep} weights are to be kept; the processes hold {self.size} in all.")
        dtypes = {dtype for table in tables for dtype in table.dtypes}
        # Tensors of different dtypes are widened to float64, which is exact.
        self.dtype: torch.dtype = getattr(torch, dtypes.pop()) if len(dtypes) == 1 else torch.float64
        self.width = 8 * self.dtype.itemsize

    def threshold(self) -> float | None:
        return None if self.keep == 0 else score_of(self._cut().key, self.dtype)

    def masks(self) -> list[torch.Tensor]:
        if self.keep in (0, self.size):
            return [torch.full_like(shard.data, self.keep > 0, dtype=torch.bool) for shard in self.shards]
        cut = self._cut()
        boundary, first = self._share_ties(cut)
        return self.group.all_or_none(lambda: [self._mask(shard, cut, boundary, first) for shard in self.shards])

    def _mask(self, shard: Shard, cut: Cut, boundary: str | None, first: int) -> torch.Tensor:
        """Return the mask of a shard; of the ties in `boundary` those of an index below `first` are kept."""
        mask = torch.empty(shard.data.numel(), dtype=torch.bool, device=shard.data.device)
        for start, keys in self._keys_of(shard):
            kept, tied = keys > signed(cut.key, self.width), keys == signed(cut.key, self.width)
            if shard.name == boundary:
                (places,) = torch.nonzero(tied, as_tuple=True)
                kept[places[_flat_index(shard, start + places) < first]] = True
            elif boundary is None or shard.name < boundary:
                kept |= tied
            mask[start : start + keys.numel()] = kept
        return mask.reshape(shard.data.shape)

    def _cut(self) -> Cut:
        return find_cut(self._keys, self.width, self.keep, self.group.sum)

    def _share_ties(self, cut: Cut) -> tuple[str | None, int]:
        """Say how far the ties of `cut` are kept: those of all names before, and of one those of lower index.

        The name is None when all are kept.
        """
        if cut.taken == cut.equal:
            return None, 0
        name, left = "", cut.taken
        counts = self.group.sum(partial(self._count_ties, cut), len(self.order))
        for name, count in zip(self.order, counts, strict=True):  # noqa: B007 -- the name at which it stops
            if left < count:
                break
            left -= count
        if left == 0:
            return name, 0
        # Lower indices come first, so they are ranked by their complement.
        last = find_cut(partial(self._tied_places, cut, name), self.index_bits, left, self.group.sum)
        return name, (1 << self.index_bits) - last.key

    def _count_ties(self, cut: Cut) -> torch.Tensor:
        counts = torch.zeros(len(self.order), dtype=torch.int64)
        for shard in self.shards:
            for _, keys in self._keys_of(shard):
                counts[self.order[shard.name]] += int((keys == signed(cut.key, self.width)).sum())
        return counts

    def _tied_places(self, cut: Cut, name: str) -> Iterator[torch.Tensor]:
        for shard in self.shards:
            for start, keys in self._keys_of(shard) if shard.name == name else ():
                (places,) = torch.nonzero(keys == signed(cut.key, self.width), as_tuple=True)
                yield (1 << self.index_bits) - 1 - _flat_index(shard, start + places)

    def _keys(self) -> Iterator[torch.Tensor]:
        lowest = signed(0, self.width)
        for shard in self.shards:
            for _, keys in self._keys_of(shard):
                yield keys - lowest  # 64 bits wrap around, which leaves the bits of the unsigned number

    def _keys_of(self, shard: Shard) -> Iterator[tuple[int, torch.Tensor]]:
        """Yield the signed keys of a shard piece by piece, so that they take little memory."""
        flat = shard.data.detach().reshape(-1)
        for start in range(0, flat.numel(), _CHUNK):
            values = flat[start : start + _CHUNK].to(self.dtype)
            yield start, signed_keys(values.abs() if self.score == "magnitude" else values)


class _Group:
    """Exchanges among processes, in which the failure of one is the failure of all."""

    def __init__(self, group: dist.ProcessGroup | None) -> None:
        if not dist.is_available() or not dist.is_initialized():
            raise BadConfig(
                "there is no process group. Call torch.distributed.init_process_group on each process first."
            )
        self._group, self._rank, self._size = group, dist.get_rank(group), dist.get_world_size(group)
        if self._rank < 0:
            raise BadConfig("this process is no member of the group. Call it from the group's members only.")
        takes_cpu = any(name in dist.get_backend(group) for name in ("gloo", "mpi", "cpu"))
        self._device = torch.device("cpu" if takes_cpu else f"cuda:{torch.cuda.current_device()}")

    def gather(self, local: Callable[[], _T]) -> list[_T]:
        """Return the answers of all, in the order of the ranks."""
        answer, problem = _attempt(local)
        answers: list[tuple[_T | None, Any]] = [(None, None)] * self._size
        self._exchange(partial(dist.all_gather_object, answers, (answer, _told(problem)), self._group))
        self._raise_first([told for _, told in answers], problem)
        return [each for each, _ in answers if each is not None]

    def sum(self, local: Callable[[], torch.Tensor], length: int) -> list[int]:
        """Return the sum over all processes of what `local` counts in `length` places."""
        counts, problem = _attempt(local)
        buffer = torch.zeros(length + 1, dtype=torch.int64, device=self._device)
        if counts is None:
            buffer[length] = 1
        else:
            buffer[:length] = counts
        self._exchange(partial(dist.all_reduce, buffer, group=self._group))
        *total, failed = buffer.tolist()
        if failed:
            told: list[Any] = [None] * self._size
            self._exchange(partial(dist.all_gather_object, told, _told(problem), self._group))
            self._raise_first(told, problem)
        return total

    def all_or_none(self, local: Callable[[], _T]) -> _T:
        """Return what `local` returns here, if it succeeds on all processes."""
        made: list[_T] = []

        def make() -> torch.Tensor:
            made.append(local())
            return torch.zeros(0, dtype=torch.int64)

        self.sum(make, 0)
        return made[0]

    def _exchange(self, collective: Callable[[], object]) -> None:
        try:
            collective()
        except (RuntimeError, ValueError) as problem:
            raise StageFailed(
                f"the exchange of counts between {self._size} processes failed on rank {self._rank}: "
                f"{str(problem).splitlines()[0]}. Look for a process that died or did not call."
            ) from problem

    def _raise_first(self, told: list[tuple[type[PruneproofError], str] | None], mine: Exception | None) -> None:
        for rank, failure in enumerate(told):
            if failure is not None:
                kind, text = failure
                raise kind(f"rank {rank} of {self._size}: {text}") from mine


def _attempt(local: Callable[[], _T]) -> tuple[_T | None, Exception | None]:
    try:
        return local(), None
    except Exception as problem:  # whatever it is, the others wait for an answer
        return None, problem


def _told(problem: Exception | None) -> tuple[type[PruneproofError], str] | None:
    """Return a failure as all processes can raise it."""
    if problem is None:
        return None
    if isinstance(problem, PruneproofError):
        return type(problem), str(problem)
    return StageFailed, f"{type(problem).__name__}: {problem}"


def _describe(shards: Sequence[Shard], asked: tuple[float | None, int | None, Score]) -> _Table:
    sparsity, keep, score = asked
    if (sparsity is None) == (keep is None):
        raise BadConfig("exactly one of `sparsity` and `keep` says how much is kept.")
    if keep is not None and keep < 0:
        raise InfeasibleSelection(f"{keep} weights are to be kept; a number from 0 was expected.")
    if score not in ("magnitude", None):
        raise BadConfig(
            f'score {score!r} cannot be computed from shards. Allowed: "magnitude", or None for given scores.'
        )
    for shard in shards:
        if shard.data.dtype not in _DTYPES:
            raise BadTensor(
                f'"{shard.name}" is of dtype {shard.data.dtype}, which cannot be ranked. '
                f"Allowed: {', '.join(_DTYPES.values())}."
            )
    boxes = tuple((shard.name, *_corners(shard), shard.full_shape) for shard in shards if shard.data.numel())
    for shard in shards:
        flat = shard.data.detach().reshape(-1)
        for start in range(0, flat.numel(), _CHUNK):
            places = torch.nonzero(flat[start : start + _CHUNK].isnan())
            if places.numel():
                index = int(_flat_index(shard, start + places[0]))
                raise BadTensor(f'the scores of "{shard.name}" hold NaN at flat index {index}; NaN has no rank.')
    return _Table(asked, frozenset(_DTYPES[shard.data.dtype] for shard in shards), boxes)


def _corners(shard: Shard) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the first and the last corner (exclusive) of a shard in the full tensor.

    Raises:
        BadTensor: it lies outside.
    """
    shape: tuple[int, ...] = tuple(shard.data.shape)
    first: tuple[int, ...]
    full: tuple[int, ...]
    if shard.full_shape is None:
        shape, first, full = (shard.data.numel(),), (shard.offset,), (2**62,)
    else:
        full, rest, corner = shard.full_shape, shard.offset, []
        for stride in _strides(full):
            corner.append(rest // max(stride, 1))
            rest %= max(stride, 1)
        first = tuple(corner)
    last = tuple(start + side for start, side in zip(first, shape, strict=False))
    if len(shape) != len(full) or shard.offset < 0 or any(end > side for end, side in zip(last, full, strict=True)):
        raise BadTensor(
            f'the shard of "{shard.name}" has shape {tuple(shard.data.shape)} and offset {shard.offset}, which lies '
            f"outside the full tensor of shape {shard.full_shape or 'unknown'}."
        )
    return first, last


def _refuse_overlaps(boxes: list[tuple[str, tuple[int, ...], tuple[int, ...], tuple[int, ...] | None]]) -> None:
    """Check that the shards of a tensor speak of one shape and that no weight is in two of them.

    Raises:
        BadTensor: they do not, or one is.
    """
    ordered = sorted(boxes, key=lambda box: box[:3])
    for one, other in pairwise(ordered):
        if one[0] == other[0] and one[3] != other[3]:
            raise BadTensor(f'the shards of "{one[0]}" name different full shapes: {one[3]} and {other[3]}.')
    for i, (name, first, last, _) in enumerate(ordered):
        for j in range(i + 1, len(ordered)):
            other_name, other_first, other_last, _ = ordered[j]
            if other_name != name or other_first[0] >= last[0]:
                break
            sides = zip(first, last, other_first, other_last, strict=True)
            if all(start < other_end and other_start < end for start, end, other_start, other_end in sides):
                raise BadTensor(
                    f'two shards of "{name}" hold the same weights: from {first} to {last}, and from {other_first} to '
                    f"{other_last}. Pass each weight on one process only."
                )


def _flat_end(last: tuple[int, ...], full: tuple[int, ...] | None) -> int:
    return last[0] if full is None else prod(full)


def _strides(shape: tuple[int, ...]) -> list[int]:
    return [prod(shape[dim + 1 :]) for dim in range(len(shape))]


def _flat_index(shard: Shard, places: torch.Tensor) -> torch.Tensor:
    """Return the flat index in the full tensor of flat local places."""
    if shard.full_shape is None:
        return places + shard.offset
    index = torch.full_like(places, shard.offset)
    for local, side, stride in zip(
        _strides(tuple(shard.data.shape)), shard.data.shape, _strides(shard.full_shape), strict=True
    ):
        index += places // local % side * stride
    return index
