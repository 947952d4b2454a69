"""Tensors read from files: safetensors, torch.save, shards; names and nesting as others chose them."""

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from pruneproof.errors import BadTensor, DataCorrupt, DataMissing, PruneproofError
from pruneproof.values.checkpoint_files import check_placed, checkpoint_in, weight_map
from pruneproof.values.foreign import foreign

_MASKS = ("masks", "mask")
_STATES = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "module", "params", "weights")
"""Under which keys a state dict lies in the checkpoints of trainers, the likeliest first."""
_DEEPEST = 8


def find_file(path: Path) -> Path:
    """Return the file to read: `path`, or the checkpoint in it if it is a folder.

    Raises:
        DataMissing: there is no such file, or no checkpoint in the folder.
        BadOption: a folder of several.
        DataCorrupt: a folder of another format.
    """
    found = checkpoint_in(path) if path.is_dir() else path
    if found is None:
        raise DataMissing(f"{path} is a folder, and in it a checkpoint does not exist. Name a file.")
    if not found.is_file():
        raise DataMissing(f"mask file {path} does not exist. Name a safetensors file, or one that torch.save wrote.")
    return found


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a file, or of all shards of an index, by name; nothing that lies in it is run.

    They stay in the file, mapped into memory, where its format allows it. Of a dictionary that torch.save wrote these
    are the masks under `mask` or `masks`, or the state dict under one of the usual keys, or the only one in it.

    Raises:
        DataMissing: a shard is not there.
        DataCorrupt: a file is damaged or of another format, or holds several state dicts.
        BadTensor: a tensor that is not plain: sparse, nested, quantised.
    """
    if path.suffix != ".json":
        return _read(path)
    placed = weight_map(path)
    tensors: dict[str, torch.Tensor] = {}
    found: dict[str, str] = {}
    for shard in sorted(set(placed.values())):
        part = _read(path.with_name(shard))
        tensors |= part
        found |= dict.fromkeys(part, shard)
    check_placed(path, placed, found)
    return tensors


def _read(path: Path) -> dict[str, torch.Tensor]:
    with path.open("rb") as file:
        start = file.read(9)
    try:
        content = load_file(path) if start[8:] == b"{" else _read_torch(path, zipped=start.startswith(b"PK\x03\x04"))
    except PruneproofError:
        raise
    except Exception as problem:  # the unpickler raises whatever a damaged file leads it to
        refused = re.search(r"GLOBAL (\S+)", str(problem))
        raise DataCorrupt(
            f"{path} holds a {refused[1]:.80}, whose code is not run. Save the state dict of the model by itself."
            if refused
            else f"mask file {path} is damaged or of another format ({type(problem).__name__}). A safetensors file was "
            "expected, or one that torch.save wrote with nothing but tensors, numbers and text in it."
        ) from problem
    for name, tensor in content.items():
        if tensor.layout != torch.strided or tensor.is_nested or tensor.is_quantized or tensor.device.type != "cpu":
            raise BadTensor(f'"{name}" in {path} is sparse, nested or quantised; a plain tensor was expected.')
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise DataCorrupt(f'"{name}" in {path} claims {tensor.numel()} numbers; fewer are stored.')
    return content


def _read_torch(path: Path, *, zipped: bool) -> dict[str, torch.Tensor]:
    other = foreign(path)
    if other and not other.torch:
        raise other.refusal(path)
    if zipped:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > path.stat().st_size:
                raise DataCorrupt(f"mask file {path} unpacks to more than it holds. Write it again with torch.save.")
    content: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    if not isinstance(content, Mapping):
        raise DataCorrupt(f"mask file {path} holds a {type(content).__name__}; a state dict was expected.")
    return _state(content, path)


def _state(content: Mapping[Any, Any], path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of the state dict that lies in what a trainer saved."""
    for _ in range(_DEEPEST):
        inner = next((content[key] for key in (*_MASKS, *_STATES) if isinstance(content.get(key), Mapping)), None)
        if inner is None:
            break
        content = inner
    tensors = _tensors(content)
    parts = {str(key): _tensors(part) for key, part in content.items() if isinstance(part, Mapping)}
    parts = {key: part for key, part in parts.items() if part}
    if not parts or any(tensor.dim() for tensor in tensors.values()):
        return tensors
    if len(parts) == 1:
        return next(iter(parts.values()))
    flat = {f"{key}.{name}": tensor for key, part in parts.items() for name, tensor in part.items()}
    if all(is_mask(tensor) for tensor in flat.values()):  # of layers, each with its weight's mask and its bias's
        return flat
    raise DataCorrupt(
        f"{path} holds several state dicts: {', '.join(sorted(parts))[:200]}. Save the one that is meant by itself."
    )


def _tensors(content: Mapping[Any, Any]) -> dict[str, torch.Tensor]:
    return {str(name): value.detach() for name, value in content.items() if isinstance(value, torch.Tensor)}


def is_mask(tensor: torch.Tensor) -> bool:
    """Say whether every number is 0 or 1."""
    numbers = comparable(tensor)
    return bool(((numbers == 0) | (numbers == 1)).all())


def comparable(tensor: torch.Tensor) -> torch.Tensor:
    """Return numbers that can be compared: what is narrower than 16 bits (float8) is widened."""
    return tensor.float() if tensor.is_floating_point() and tensor.element_size() == 1 else tensor
