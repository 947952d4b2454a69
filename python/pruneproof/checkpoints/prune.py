"""Pruning a checkpoint of any size by magnitude, without loading it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from pruneproof import _engine
from pruneproof.checkpoints.budget import Budget, Each, Groups, budget
from pruneproof.checkpoints.drafts import check_targets, drafts
from pruneproof.checkpoints.source import Source, open_source
from pruneproof.checkpoints.weights import Weight, choose_weights
from pruneproof.contracts.selection import Selection
from pruneproof.errors import BadOption, DataCorrupt, StoreUnwritable
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
    """A file, or a folder if the checkpoint is sharded; None computes the answer and writes no checkpoint."""
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
    tensors: int
    """Tensors in the checkpoint, pruned or not."""
    written: tuple[Path, ...]

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
    Metadata stays too and gains the entry `pruneproof`. What is written appears whole or not at all, and equal requests
    write equal bytes.

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
    weights = choose_weights(stored, request.include, request.selection.unprunable)
    how = budget(weights, Amount(request.sparsity, request.keep), request.selection)
    with _output_folder(request, source) as folder:
        checkpoints = _targets(request, source, folder)
        masks = [] if request.mask is None else [request.mask]
        originals = [*source.paths, *([source.index] if source.index else [])]
        check_targets([*checkpoints, *masks], originals, force=request.force)
        rules = _rules(source, weights, how, watch)
        with drafts([*masks, *checkpoints]) as waiting:
            outputs = None
            if checkpoints:
                files = zip(waiting[len(masks) :], checkpoints, source.opened.metadata, strict=False)
                outputs = [
                    (
                        draft,
                        target,
                        {**metadata, PROVENANCE: _provenance(request, how.keep, weights, rules.threshold, metadata)},
                    )
                    for draft, target, metadata in files
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
            if checkpoints and source.index:
                waiting[-1].write_bytes(source.index.read_bytes())
    return Pruned(tuple(weights), alive, rules.threshold, len(stored), (*checkpoints, *masks))


def _rules(source: Source, weights: Sequence[Weight], how: Budget, watch: Watch) -> _engine.Rules:
    """Return which weights are kept."""

    def ranking(done: int, total: int) -> None:
        watch("ranking", done, total)

    if isinstance(how, Groups):
        return source.opened.select_groups(how.groups)
    if isinstance(how, Each):
        return source.opened.select_each(how.keeps, watch=ranking)
    return source.opened.select([weight.name for weight in weights], how.keep, floor=how.floor, watch=ranking)


@contextmanager
def _output_folder(request: Request, source: Source) -> Iterator[Path | None]:
    """Yield the folder of a sharded output: created if missing, removed again if pruning fails."""
    if source.index is None or request.output is None:
        yield None
        return
    folder = request.output
    if folder.suffix == ".safetensors" or folder.is_file():
        raise BadOption(
            f"{request.source} is sharded, so its output {folder} must be a folder. Name one with --output."
        )
    new = not folder.exists()
    try:
        folder.mkdir(exist_ok=True)
    except OSError as problem:
        raise StoreUnwritable(f"the folder {folder} cannot be made: {problem}.") from problem
    try:
        yield folder
    except BaseException:
        if new:
            with suppress(OSError):  # somebody else has put something there
                folder.rmdir()
        raise


def _targets(request: Request, source: Source, folder: Path | None) -> list[Path]:
    """Return the files of the output, one per file of the source; an index comes last."""
    if folder is not None and source.index is not None:
        return [folder / path.name for path in (*source.paths, source.index)]
    return [] if request.output is None else [request.output]


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
