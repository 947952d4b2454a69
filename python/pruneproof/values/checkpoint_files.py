"""Which files a checkpoint consists of: the one of a folder, and the shards that an index names."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pruneproof.errors import BadOption, DataCorrupt, DataMissing
from pruneproof.values.foreign import foreign, foreign_folder
from pruneproof.values.opening import opened, read_json

_INDEX = ".index.json"


def checkpoint_in(folder: Path) -> Path | None:
    """Return the one checkpoint of a folder, an index before its shards; None if there is none.

    Raises:
        BadOption: there are several.
        DataCorrupt: the folder is of another format.
    """
    for kind in ("*.safetensors", "*.bin"):
        files = sorted(folder.glob(kind))
        indices = sorted(folder.glob(f"{kind}{_INDEX}"))
        beside = any(index.with_name(index.name.removesuffix(_INDEX)) in files for index in indices)
        found = [*indices, *files] if beside else indices or files
        if len(found) > 1:
            names = ", ".join(path.name for path in found[:5])
            raise BadOption(f"{folder} is a folder of several checkpoints. Name one of them. It holds {names}.")
        if found:
            return found[0]
    if other := foreign_folder(folder):
        raise other.refusal(folder)
    return None


def check_regular(path: Path) -> None:
    """Check that a file of a checkpoint is there and can be opened without waiting for it.

    Raises:
        DataMissing: it is not there.
        DataCorrupt: it is a pipe, a device or a folder, or may not be read.
    """
    try:
        with opened(path):
            pass
    except FileNotFoundError as problem:
        raise DataMissing(f"there is no file {path}.") from problem
    except OSError as problem:
        raise DataCorrupt(f"{path} cannot be read: {problem.strerror}. Name a file.") from problem


def weight_map(index: Path) -> Mapping[str, str]:
    """Read an index: tensor name -> shard, each of which is a file beside the index.

    Raises:
        DataMissing: index or shard is not there.
        DataCorrupt: it is no index, or a shard is named that is not in its folder.
    """
    placed = _read(index)
    for shard in sorted(set(placed.values())):
        # Whoever wrote the index must not choose which files of this machine are read and written.
        if shard in {"", ".", ".."} or "/" in shard or "\\" in shard or "\0" in shard or Path(shard).name != shard:
            raise DataCorrupt(f'{index} names the shard "{shard}"; the name of a file in its own folder was expected.')
        if not (index.parent / shard).is_file():
            raise DataMissing(
                f'{index} names the shard "{shard}", which is not beside it. Fetch it into {index.parent}.'
            )
    return placed


def check_placed(index: Path, placed: Mapping[str, str], found: Mapping[str, str]) -> None:
    """Check that each tensor was `found` in the shard where the index has `placed` it.

    Raises:
        DataCorrupt: a tensor is elsewhere, or in one of the two only.
    """
    for name in sorted(placed.keys() | found.keys()):
        if placed.get(name) != found.get(name):
            raise DataCorrupt(
                f'tensor "{name}" is in {found.get(name, "no shard")}, but {index} places it in '
                f"{placed.get(name, 'no shard')}. Get index and shards again from where they came."
            )


def _read(index: Path) -> dict[str, str]:
    try:
        if other := foreign(index):
            raise other.refusal(index)
        content: Any = read_json(index)
        placed = content["weight_map"]
        if not all(isinstance(shard, str) for shard in placed.values()):
            raise TypeError("a shard is not named by a string")
    except FileNotFoundError as problem:
        raise DataMissing(f"there is no file {index}.") from problem
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise DataCorrupt(
            f'{index} is no index of a sharded checkpoint: {problem}. A JSON object whose "weight_map" leads from '
            "tensor names to file names was expected."
        ) from problem
    if not placed:
        raise DataCorrupt(f"{index} names no tensor.")
    return dict(placed)
