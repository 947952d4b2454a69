"""Pruning a checkpoint of any size by magnitude, without loading it."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from pruneproof import _engine
from pruneproof.checkpoints.budget import Budget, Each, Groups, budget
from pruneproof.checkpoints.content import of_two_values
from pruneproof.checkpoints.drafts import check_targets, drafts
from pruneproof.checkpoints.folder import beside, making
from pruneproof.checkpoints.source import Source, open_source
from pruneproof.checkpoints.weights import Weight, choose_weights, doubted, left_out, unnamed
from pruneproof.contracts.selection import Selection
from pruneproof.errors import BadOption, DataCorrupt
from pruneproof.selection.amount import Amount
from pruneproof.values.digests import canonical_json
from pruneproof.values.masks import MaskSet

PROVENANCE = "pruneproof"
"""The metadata entry that says how a file was made."""

_PLAIN = Selection()

Watch = Callable[[str, int, int], None]
"""Called with what is being done, bytes done and bytes in all."""


@dataclass(frozen=True)
class Request:
    """What is to be pruned, how much, and where that is written."""

    source: Path
    output: Path | None
    """A file, or a folder if the source is sharded or a folder; None computes the answer and writes no checkpoint."""
    mask: Path | None = None
    """Where the mask is written; none if None."""
    sparsity: float | None = None
    keep: int | None = None
    selection: Selection = _PLAIN
    """What competes with what; its `unprunable` names are left as they are."""
    include: tuple[str, ...] = ()
    """Glob patterns of the tensors to prune; see `choose_weights`."""
    force: bool = False
    """Whether files that exist are replaced."""


@dataclass(frozen=True)
class Pruned:
    """What was kept."""

    weights: tuple[Weight, ...]
    alive: Mapping[str, int]
    threshold: float | None
    """The smallest magnitude kept, where the scope has one."""
    left_out: Mapping[str, str]
    """Name -> why, for each tensor that stayed as it was."""
    doubted: Mapping[str, str]
    """Name -> what it is, for each tensor that was pruned only because `include` names it."""
    shapes: Mapping[str, tuple[int, ...]]
    """Of all tensors in the checkpoint, pruned or not."""
    written: tuple[Path, ...]

    @property
    def tensors(self) -> int:
        """The number of tensors in the checkpoint, pruned or not."""
        return len(self.shapes)

    @property
    def size(self) -> int:
        """The number of prunable weights."""
        return sum(weight.size for weight in self.weights)

    @property
    def count(self) -> int:
        """The number of weights alive."""
        return sum(self.alive.values())


def prune_checkpoint(request: Request, watch: Watch = lambda what, done, total: None) -> Pruned:
    """Zero all but the largest magnitudes of a safetensors checkpoint, reading it as a stream.

    Of N weights exactly N - floor(sparsity · N) stay, larger magnitudes first, ties by (name, flat index): what
    `select_masks` keeps of the magnitudes by the same selection. Magnitudes of all dtypes are compared as real numbers.
    With the scope `row` or a structure each group keeps its own count. Dead weights become +0; every other byte stays.
    Metadata stays too and gains the entry `pruneproof`, and `format` if it had none. A folder is copied with what lies
    beside its weights. What is written appears whole or not at all, and equal requests write equal bytes.

    Raises:
        BadOption: the options contradict each other or the files.
        BadConfig: the sparsity is out of range.
        BadTensor: NaN, or a dtype or shape that does not fit.
        InfeasibleSelection: no mask has that count and those floors.
        DataMissing: a file that is not there.
        DataCorrupt: a file that is damaged, or that changes meanwhile.
        StoreUnwritable: a disk that is full or cannot be written.
    """
    source = open_source(request.source)
    stored = [Weight(name, dtype, shape) for name, dtype, shape, _ in source.opened.tensors]
    patterns = request.include, request.selection.unprunable
    flat = of_two_values(source, {tensor.name for tensor in unnamed(stored, *patterns)})
    weights = choose_weights(stored, *patterns, flat)
    how = budget(weights, Amount(request.sparsity, request.keep), request.selection)
    checkpoints, copies, folders = _targets(request, source)
    with making(folders):
        masks = [] if request.mask is None else [request.mask]
        targets = [*masks, *copies.values(), *checkpoints]
        check_targets(targets, [*copies, *source.files], force=request.force)
        rules = _rules(source, weights, how, watch)
        with drafts(targets) as waiting:
            outputs = None
            if checkpoints:
                outputs = [
                    (draft, target, _metadata(request, how.keep, weights, rules.threshold, metadata))
                    for draft, target, metadata in zip(
                        waiting[len(masks) + len(copies) :], checkpoints, source.opened.metadata, strict=False
                    )
                ]
            doing = "writing" if outputs else "counting"
            alive, bits = source.opened.apply(
                rules, outputs, masks=bool(masks), watch=lambda done, total: watch(doing, done, total)
            )
            if sum(alive.values()) != how.keep:
                raise DataCorrupt(f"{request.source} changed while it was read. Prune it when nobody writes to it.")
            if masks:
                shapes = {weight.name: weight.shape for weight in weights}
                MaskSet(bits, shapes, threshold=rules.threshold).save(waiting[0])
            for original, draft in zip(copies, waiting[len(masks) :], strict=False):
                shutil.copyfile(original, draft)
            if checkpoints and source.index:
                waiting[-1].write_bytes(source.index.read_bytes())
    return Pruned(
        weights=tuple(weights),
        alive=alive,
        threshold=rules.threshold,
        left_out=left_out(stored, *patterns, flat),
        doubted=doubted(stored, *patterns),
        shapes={tensor.name: tensor.shape for tensor in stored},
        written=(*checkpoints, *copies.values(), *masks),
    )


def _rules(source: Source, weights: Sequence[Weight], how: Budget, watch: Watch) -> _engine.Rules:
    """Return which weights are kept."""

    def ranking(done: int, total: int) -> None:
        watch("ranking", done, total)

    if isinstance(how, Groups):
        return source.opened.select_groups(how.groups)
    if isinstance(how, Each):
        return source.opened.select_each(how.keeps, watch=ranking)
    return source.opened.select([weight.name for weight in weights], how.keep, floor=how.floor, watch=ranking)


def _targets(request: Request, source: Source) -> tuple[list[Path], dict[Path, Path], list[Path]]:
    """Return the checkpoint's files to write, an index last; what is copied, and to where; and the folders for it."""
    output = request.output
    if output is None:
        return [], {}, []
    if source.index is None and source.folder is None:
        return [output], {}, []
    if output.suffix == ".safetensors" or output.is_file():
        kind = "sharded" if source.folder is None else "a folder"
        raise BadOption(f"{request.source} is {kind}, so its output {output} must be a folder. Name one with --output.")
    extra = beside(source.folder, source.files, output) if source.folder else []
    folders = dict.fromkeys(output / each for path in extra for each in reversed(path.parents))
    copies = {source.folder / path: output / path for path in extra if source.folder}
    return [output / path.name for path in source.files], copies, list({output: None} | folders)


def _metadata(
    request: Request, keep: int, weights: Sequence[Weight], threshold: float | None, metadata: Mapping[str, str]
) -> dict[str, str]:
    """Return the metadata of an output; loaders that do without any want a `format` where there is some."""
    provenance = _provenance(request, keep, weights, threshold, metadata)
    return {"format": "pt", **metadata, PROVENANCE: provenance}


def _provenance(
    request: Request, keep: int, weights: Sequence[Weight], threshold: float | None, metadata: Mapping[str, str]
) -> str:
    facts = {
        "version": version("pruneproof"),
        "criterion": "magnitude",
        "selection": request.selection.model_dump(mode="json"),
        "sparsity": request.sparsity,
        "keep": keep,
        "weights": sum(weight.size for weight in weights),
        "include": request.include,
        "threshold": None if threshold is None else threshold.hex(),  # JSON has no infinities
        "before": metadata.get(PROVENANCE),
    }
    return canonical_json(facts)
