"""Which files a checkpoint consists of: one safetensors file, or the shards that an index names."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pruneproof import _engine
from pruneproof.errors import BadOption, DataCorrupt, DataMissing


@dataclass(frozen=True)
class Source:
    """A checkpoint on the disk, opened."""

    paths: tuple[Path, ...]
    index: Path | None
    """The `*.safetensors.index.json` of a sharded checkpoint."""
    opened: _engine.Checkpoint


def open_source(path: Path) -> Source:
    """Open a safetensors file, or all shards of an index; of the weights nothing is read.

    Raises:
        DataMissing: the file or a shard is not there.
        DataCorrupt: a file is damaged, or index and shards contradict each other.
        BadOption: `path` is a folder.
    """
    if path.is_dir():
        indices = sorted(each.name for each in path.glob("*.safetensors.index.json"))
        files = indices or sorted(each.name for each in path.glob("*.safetensors"))
        listed = f" It holds {', '.join(files[:5])}." if files else ""
        raise BadOption(f"{path} is a folder. Name a .safetensors file, or the index of a sharded checkpoint.{listed}")
    if path.suffix != ".json":
        return Source((path,), None, _engine.Checkpoint([path]))
    placed = _weight_map(path)
    shards = sorted(set(placed.values()))
    for shard in shards:
        # Whoever wrote the index must not choose which files of this machine are read and written.
        if shard in {"", ".", ".."} or "/" in shard or "\\" in shard or "\0" in shard or Path(shard).name != shard:
            raise DataCorrupt(f'{path} names the shard "{shard}"; the name of a file in its own folder was expected.')
        if not (path.parent / shard).is_file():
            raise DataMissing(f'{path} names the shard "{shard}", which is not beside it. Fetch it into {path.parent}.')
    paths = tuple(path.parent / shard for shard in shards)
    source = Source(paths, path, _engine.Checkpoint(list(paths)))
    found = {name: shards[file] for name, _, _, file in source.opened.tensors}
    for name in sorted(placed.keys() | found.keys()):
        if placed.get(name) != found.get(name):
            raise DataCorrupt(
                f'tensor "{name}" is in {found.get(name, "no shard")}, but {path} places it in '
                f"{placed.get(name, 'no shard')}. Get index and shards again from where they came."
            )
    return source


def _weight_map(path: Path) -> dict[str, str]:
    """Read the index: tensor name -> shard."""
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        placed = content["weight_map"]
        if not all(isinstance(shard, str) for shard in placed.values()):
            raise TypeError("a shard is not named by a string")
    except FileNotFoundError as problem:
        raise DataMissing(f"there is no file {path}.") from problem
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise DataCorrupt(
            f'{path} is no index of a sharded checkpoint: {problem}. A JSON object whose "weight_map" leads from '
            "tensor names to file names was expected."
        ) from problem
    if not placed:
        raise DataCorrupt(f"{path} names no tensor.")
    return dict(placed)
