"""Ranks the shards of all processes together by counting, and marks which of this process's weights survive."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch

from pruneproof.contracts.selection import Selection
from pruneproof.distributed.exchange import Exchange
from pruneproof.distributed.shard import (
    CHUNK,
    DTYPES,
    Box,
    Shard,
    box_size,
    describe,
    flat_end,
    flat_index,
    refuse_overlaps,
)
from pruneproof.errors import BadConfig, InfeasibleSelection
from pruneproof.selection.amount import Amount
from pruneproof.selection.prunable import prunable
from pruneproof.values.ranks import Cut, find_cut, score_of, signed, signed_keys

Score = Literal["magnitude"] | None
SCOPES = ("global", "tensor")


@dataclass(frozen=True)
class Asked:
    """What all processes must ask alike."""

    amount: Amount
    score: Score
    selection: Selection

    def check(self) -> None:
        """Check what can be checked without the shards.

        Raises:
            BadConfig: contradictory arguments, or a selection that takes more than counting.
            InfeasibleSelection: fewer than no weights are to be kept.
        """
        self.amount.check()
        if self.amount.keep is not None and self.amount.keep < 0:
            raise InfeasibleSelection(f"{self.amount.keep} weights are to be kept; a number from 0 was expected.")
        if self.score not in ("magnitude", None):
            raise BadConfig(
                f'score {self.score!r} cannot be computed from shards. Allowed: "magnitude", or None for given scores.'
            )
        if self.selection.scope.id not in SCOPES:
            raise BadConfig(
                f'scope "{self.selection.scope.id}" cannot be ranked over processes. Allowed: {", ".join(SCOPES)}.'
            )
        plain = Selection(scope=self.selection.scope, unprunable=self.selection.unprunable)
        for name in sorted(type(plain).model_fields):
            if getattr(self.selection, name) != getattr(plain, name):
                raise BadConfig(
                    f"`{name}` of a selection is not known over processes. Leave it out, or gather the tensors and "
                    "call `select`."
                )


@dataclass(frozen=True)
class _Table:
    """What a process says before any work."""

    asked: Asked
    dtypes: frozenset[str]
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class Totals:
    """What the processes hold together."""

    sizes: Mapping[str, int]
    """Name -> number of weights, in name order."""
    dtype: torch.dtype
    """In which all are compared: theirs if they have one, else float64, to which all are widened without loss."""
    index_bits: int
    """Bits of the largest flat index."""

    @property
    def width(self) -> int:
        """Bits of a key."""
        return 8 * self.dtype.itemsize


def agree(shards: Sequence[Shard], asked: Asked, exchange: Exchange) -> Totals:
    """Exchange what each process holds and asks for, and check that it fits together.

    Raises:
        BadConfig: the processes ask for different things.
        BadTensor: NaN, another dtype, a shard outside its tensor, or shards that overlap.
    """

    def table() -> _Table:
        asked.check()
        boxes = describe(shards)
        return _Table(asked, frozenset(DTYPES[shard.data.dtype] for shard in shards), boxes)

    tables = exchange.gather(table)
    if any(each.asked != asked for each in tables):
        raise BadConfig(
            f"the processes ask for different things: {', '.join(str(each.asked) for each in tables)}. All must call "
            "with the same arguments."
        )
    boxes = [box for each in tables for box in each.boxes]
    refuse_overlaps(boxes)
    sizes = dict.fromkeys(sorted({name for name, *_ in boxes}), 0)
    for box in boxes:
        sizes[box[0]] += box_size(box)
    dtypes = {dtype for each in tables for dtype in each.dtypes}
    return Totals(
        sizes,
        getattr(torch, dtypes.pop()) if len(dtypes) == 1 else torch.float64,
        max((flat_end(box).bit_length() for box in boxes), default=1),
    )


def pools(shards: Sequence[Shard], asked: Asked, totals: Totals, exchange: Exchange) -> list["Pool"]:
    """Return the rankings that a selection takes: one of all prunable tensors, or one of each.

    Raises:
        BadConfig: a sparsity out of range, or an unprunable pattern that matches nothing.
        InfeasibleSelection: more to keep than there are weights.
    """
    names = prunable(totals.sizes, asked.selection.unprunable)
    groups = [[name] for name in names] if asked.selection.scope.id == "tensor" else [names]
    found = []
    for group in groups:
        size = sum(totals.sizes[name] for name in group)
        if asked.amount.keep is not None and asked.amount.keep > size:
            raise InfeasibleSelection(f"{asked.amount.keep} weights are to be kept; the processes hold {size} in all.")
        own = [shard for shard in shards if shard.name in group]
        found.append(Pool(own, group, asked.amount.of(size, "all tensors"), size, asked.score, totals, exchange))
    return found


@dataclass(frozen=True)
class Pool:
    """Weights of all processes that compete with each other."""

    shards: Sequence[Shard]
    """Of this process."""
    names: Sequence[str]
    """Of all processes, in order."""
    keep: int
    size: int
    score: Score
    totals: Totals
    exchange: Exchange

    def threshold(self) -> float | None:
        """Return the smallest kept score; None when nothing is kept."""
        return None if self.keep == 0 else score_of(self._cut().key, self.totals.dtype)

    def masks(self) -> list[torch.Tensor]:
        """Return the mask of each of this process's shards."""
        if self.keep in (0, self.size):
            return [torch.full_like(shard.data, self.keep > 0, dtype=torch.bool) for shard in self.shards]
        cut = self._cut()
        boundary, first = self._share_ties(cut)
        return self.exchange.all_or_none(lambda: [self._mask(shard, cut, boundary, first) for shard in self.shards])

    def _mask(self, shard: Shard, cut: Cut, boundary: str | None, first: int) -> torch.Tensor:
        """Return the mask of a shard; of the ties in `boundary` those of an index below `first` are kept."""
        mask = torch.empty(shard.data.numel(), dtype=torch.bool, device=shard.data.device)
        key = signed(cut.key, self.totals.width)
        for start, keys in self._keys_of(shard):
            kept, tied = keys > key, keys == key
            if shard.name == boundary:
                (places,) = torch.nonzero(tied, as_tuple=True)
                kept[places[flat_index(shard, start + places) < first]] = True
            elif boundary is None or shard.name < boundary:
                kept |= tied
            mask[start : start + keys.numel()] = kept
        return mask.reshape(shard.data.shape)

    def _cut(self) -> Cut:
        return find_cut(self._keys, self.totals.width, self.keep, self.exchange.sum)

    def _share_ties(self, cut: Cut) -> tuple[str | None, int]:
        """Say how far the ties of `cut` are kept: those of all names before, and of one those of lower index.

        The name is None when all are kept.
        """
        if cut.taken == cut.equal:
            return None, 0
        name, left = "", cut.taken
        counts = self.exchange.sum(partial(self._count_ties, cut), len(self.names))
        for name, count in zip(self.names, counts, strict=True):  # noqa: B007 -- the name at which it stops
            if left < count:
                break
            left -= count
        if left == 0:
            return name, 0
        # Lower indices come first, so they are ranked by their complement.
        bits = self.totals.index_bits
        last = find_cut(partial(self._tied_places, cut, name), bits, left, self.exchange.sum)
        return name, (1 << bits) - last.key

    def _count_ties(self, cut: Cut) -> torch.Tensor:
        place = {name: each for each, name in enumerate(self.names)}
        counts = torch.zeros(len(place), dtype=torch.int64)
        for shard in self.shards:
            for _, keys in self._keys_of(shard):
                counts[place[shard.name]] += int((keys == signed(cut.key, self.totals.width)).sum())
        return counts

    def _tied_places(self, cut: Cut, name: str) -> Iterator[torch.Tensor]:
        for shard in self.shards:
            for start, keys in self._keys_of(shard) if shard.name == name else ():
                (places,) = torch.nonzero(keys == signed(cut.key, self.totals.width), as_tuple=True)
                yield (1 << self.totals.index_bits) - 1 - flat_index(shard, start + places)

    def _keys(self) -> Iterator[torch.Tensor]:
        lowest = signed(0, self.totals.width)
        for shard in self.shards:
            for _, keys in self._keys_of(shard):
                yield keys - lowest  # 64 bits wrap around, which leaves the bits of the unsigned number

    def _keys_of(self, shard: Shard) -> Iterator[tuple[int, torch.Tensor]]:
        """Yield the signed keys of a shard piece by piece, so that they take little memory."""
        flat = shard.data.detach().reshape(-1)
        for start in range(0, flat.numel(), CHUNK):
            values = flat[start : start + CHUNK].to(self.totals.dtype)
            yield start, signed_keys(values.abs() if self.score == "magnitude" else values)
