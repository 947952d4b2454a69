"""Which files a checkpoint consists of: one safetensors file, or the shards that an index names; and what lies by."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pruneproof import _engine
from pruneproof.errors import BadOption
from pruneproof.values.checkpoint_files import check_placed, check_regular, checkpoint_in, weight_map
from pruneproof.values.foreign import foreign


@dataclass(frozen=True)
class Source:
    """A checkpoint on the disk, opened."""

    paths: tuple[Path, ...]
    index: Path | None
    """The `*.safetensors.index.json` of a sharded checkpoint."""
    opened: _engine.Checkpoint
    folder: Path | None = None
    """The model folder, if that was named and not a file in it."""

    @property
    def files(self) -> tuple[Path, ...]:
        """All files of the checkpoint, the index last."""
        return (*self.paths, *([self.index] if self.index else []))


def open_source(path: Path) -> Source:
    """Open a safetensors file, all shards of an index, or the checkpoint of a folder; of the weights nothing is read.

    Raises:
        DataMissing: the file or a shard is not there.
        DataCorrupt: a file is damaged or of another format, or index and shards contradict each other.
        BadOption: `path` is a folder without a checkpoint, or with several.
    """
    if path.is_dir():
        found = checkpoint_in(path)
        if found is None:
            raise BadOption(
                f"{path} is a folder without a .safetensors file. Name such a file, the index of a sharded checkpoint, "
                "or the folder that holds them."
            )
        source = open_source(found)
        return Source(source.paths, source.index, source.opened, path)
    if path.suffix != ".json":
        return Source((path,), None, _open([path]))
    placed = weight_map(path)
    shards = sorted(set(placed.values()))
    paths = tuple(path.parent / shard for shard in shards)
    source = Source(paths, path, _open(paths))
    check_placed(path, placed, {name: shards[file] for name, _, _, file in source.opened.tensors})
    return source


def _open(paths: Sequence[Path]) -> _engine.Checkpoint:
    """Open safetensors files; say of others what they are."""
    for path in paths:
        check_regular(path)
        if other := foreign(path):
            raise other.refusal(path)
    return _engine.Checkpoint(list(paths))
