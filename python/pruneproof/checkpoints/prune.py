"""Pruning a checkpoint of any size by magnitude, without loading it."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from pruneproof import _engine
from pruneproof.checkpoints.drafts import check_targets, drafts
from pruneproof.checkpoints.source import Source, open_source
from pruneproof.checkpoints.weights import Weight, choose_weights
from pruneproof.errors import BadOption, BadTensor, DataCorrupt, InfeasibleSelection, StoreUnwritable
from pruneproof.selection.fit import fit, limit_floors
from pruneproof.selection.rounding import proportional
from pruneproof.units import keep_count
from pruneproof.values.digests import canonical_json
from pruneproof.values.masks import MaskSet

PROVENANCE = "pruneproof"
"""The metadata entry that says how a file was made."""
MOST_IN_A_GROUP = 65_536
"""Rows and N:M groups are held in memory whole."""

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
    scope: str = "global"
    """`global`, `uniform` or `row`."""
    structure: str | None = None
    """`N:M`: N of each M consecutive weights of the last dimension stay."""
    floor: int = 0
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
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
    `select_masks` keeps of the magnitudes. Magnitudes of all dtypes are compared as real numbers. With the scope
    `row` or a structure each group keeps its own count. Dead weights become +0; every other byte stays. Metadata
    stays too and gains the entry `pruneproof`. What is written appears whole or not at all, and equal requests write
    equal bytes.

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
    weights = choose_weights(stored, request.include, request.exclude)
    groups, keep = _budget(request, weights)
    with _output_folder(request, source) as folder:
        checkpoints = _targets(request, source, folder)
        masks = [] if request.mask is None else [request.mask]
        originals = [*source.paths, *([source.index] if source.index else [])]
        check_targets([*checkpoints, *masks], originals, force=request.force)
        rules = _rules(request, source, weights, groups, keep, watch)
        with drafts([*masks, *checkpoints]) as waiting:
            outputs = None
            if checkpoints:
                files = zip(waiting[len(masks) :], checkpoints, source.opened.metadata, strict=False)
                outputs = [
                    (
                        draft,
                        target,
                        {**metadata, PROVENANCE: _provenance(request, keep, weights, rules.threshold, metadata)},
                    )
                    for draft, target, metadata in files
                ]
            doing = "writing" if outputs else "counting"
            alive, bits = source.opened.apply(
                rules, outputs, masks=bool(masks), watch=lambda done, total: watch(doing, done, total)
            )
            if sum(alive.values()) != keep:
                raise DataCorrupt(f"{request.source} changed while it was read. Prune it when nobody writes to it.")
            if masks:
                shapes = {weight.name: weight.shape for weight in weights}
                MaskSet(bits, shapes, threshold=rules.threshold).save(waiting[0])
            if checkpoints and source.index:
                waiting[-1].write_bytes(source.index.read_bytes())
    return Pruned(tuple(weights), alive, rules.threshold, len(stored), (*checkpoints, *masks))


def _budget(request: Request, weights: Sequence[Weight]) -> tuple[dict[str, tuple[int, int]] | None, int]:
    """Return the groups that are ranked by themselves (name -> length, keep), if any, and the survivors in all."""
    if request.scope not in ("global", "uniform", "row"):
        raise BadOption(f'--scope "{request.scope}" is not known. Allowed: global, uniform, row.')
    grouped = request.structure is not None or request.scope == "row"
    if grouped and request.floor:
        raise BadOption("--floor goes with the scopes global and uniform; rows and structures fix each group's count.")
    if request.floor < 0:
        raise BadOption(f"--floor {request.floor} is negative; a number of weights was expected.")
    size = sum(weight.size for weight in weights)
    if request.structure is not None:
        if request.scope != "global" or request.sparsity is not None or request.keep is not None:
            raise BadOption("--structure says how much is kept and where; leave out --sparsity, --keep and --scope.")
        groups = _structure(request.structure, weights)
    elif (request.sparsity is None) == (request.keep is None):
        raise BadOption("exactly one of --sparsity, --keep and --structure says how much is pruned.")
    elif request.keep is not None:
        if request.scope == "row":
            raise BadOption("--scope row takes --sparsity, which holds in each row; --keep counts weights of all.")
        if not 0 <= request.keep <= size:
            raise InfeasibleSelection(f"--keep {request.keep} is out of range: a number from 0 to {size} was expected.")
        return None, request.keep
    else:
        assert request.sparsity is not None
        keep = keep_count(size, request.sparsity)
        if request.scope != "row":
            return None, keep
        groups = _rows(request.sparsity, weights)
    return groups, sum(weight.size // groups[weight.name][0] * groups[weight.name][1] for weight in weights)


def _structure(text: str, weights: Sequence[Weight]) -> dict[str, tuple[int, int]]:
    """Return the groups of N:M."""
    found = re.fullmatch(r"(\d{1,9}):(\d{1,9})", text)
    keep, length = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= keep <= length <= MOST_IN_A_GROUP:
        raise BadOption(
            f'--structure "{text}" is not understood. Write N:M, e.g. 2:4 to keep 2 of each 4 consecutive weights; '
            f"M is at most {MOST_IN_A_GROUP}."
        )
    for weight in weights:
        last = weight.shape[-1] if weight.shape else 1
        if last % length:
            raise BadTensor(
                f'"{weight.name}" of shape {list(weight.shape)} cannot be pruned {text}: its last dimension is no '
                f"multiple of {length}. Leave it dense with --exclude."
            )
    return {weight.name: (length, keep) for weight in weights}


def _rows(sparsity: float, weights: Sequence[Weight]) -> dict[str, tuple[int, int]]:
    """Return the rows: the weights of one index of the first dimension."""
    groups = {}
    for weight in weights:
        rows = weight.shape[0] if len(weight.shape) >= 2 else 0
        length = weight.size // rows if rows else 0
        if len(weight.shape) < 2 or length > MOST_IN_A_GROUP:
            raise BadTensor(
                f'"{weight.name}" of shape {list(weight.shape)} cannot be pruned by row: two or more dimensions and '
                f"rows of at most {MOST_IN_A_GROUP} weights were expected. Leave it dense with --exclude."
            )
        groups[weight.name] = (max(length, 1), keep_count(length, sparsity))
    return groups


def _rules(
    request: Request,
    source: Source,
    weights: Sequence[Weight],
    groups: dict[str, tuple[int, int]] | None,
    keep: int,
    watch: Watch,
) -> _engine.Rules:
    """Return which weights are kept."""
    if groups is not None:
        return source.opened.select_groups(groups)
    sizes = {weight.name: weight.size for weight in weights}
    floors = limit_floors(dict.fromkeys(sizes, request.floor), sizes, keep, sum(sizes.values()))

    def ranking(done: int, total: int) -> None:
        watch("ranking", done, total)

    if request.scope == "global":
        return source.opened.select(list(sizes), keep, floor=request.floor, watch=ranking)
    return source.opened.select_each(fit(proportional(sizes, keep), floors, sizes, keep), watch=ranking)


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
        "scope": None if request.structure else request.scope,
        "structure": request.structure,
        "sparsity": request.sparsity,
        "keep": keep,
        "weights": sum(weight.size for weight in weights),
        "floor": request.floor,
        "include": request.include,
        "exclude": request.exclude,
        "threshold": None if threshold is None else threshold.hex(),  # JSON has no infinities
        "before": metadata.get(PROVENANCE),
    }
    return canonical_json(facts)
