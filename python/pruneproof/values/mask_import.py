"""Masks read from other people's files: torch pruning buffers, OpenLTH masks, checkpoints with zeros."""

import zipfile
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from pruneproof.errors import BadTensor, DataCorrupt, DataMissing, PruneproofError, UnknownName
from pruneproof.values.mask_file import is_mask_file
from pruneproof.values.masks import MaskSet

Form = Literal["pruneproof", "torch-prune", "mask", "zeros"]
FORMS: tuple[Form, ...] = get_args(Form)

_NESTED_UNDER = ("state_dict", "model_state_dict", "model")


def import_masks(path: Path, *, form: Form | None = None, include: tuple[str, ...] = ()) -> tuple[MaskSet, Form]:
    """Read masks from a safetensors file or from a file of `torch.save`, and say in which form they were found.

    The forms, tried in this order when `form` is None:

    * `pruneproof`: a mask file of this package.
    * `torch-prune`: buffers of `torch.nn.utils.prune`, each `NAME_mask` beside `NAME_orig`, or in a file of nothing but
      such masks; the mask is called NAME.
    * `mask`: name -> tensor in which every number is 0 or 1, such as OpenLTH's `mask.pth`.
    * `zeros`: a plain state dict; what is exactly zero is pruned, in floating-point tensors of two or more dimensions
      (biases and normalisation often start at zero, so they say nothing).

    Files of `torch.save` are read without running code in them; a state dict may lie under `state_dict`,
    `model_state_dict` or `model`.

    Args:
        path: the file.
        form: the form to read it in.
        include: glob patterns of the names to take, matched against the names of the masks; in the form `zeros` this
            takes tensors of fewer dimensions as well.

    Raises:
        DataMissing: there is no such file.
        DataCorrupt: it is neither a safetensors file nor one of `torch.save`, or it is damaged.
        StoreCorrupt: a mask file of this package that is damaged.
        BadTensor: it holds no mask of that form, or a tensor that cannot be one.
        UnknownName: an unknown form.
    """
    if form is not None and form not in FORMS:
        raise UnknownName.among("form of mask", form, FORMS)
    if not path.is_file():
        raise DataMissing(f"mask file {path} does not exist. Name a safetensors file, or one that torch.save wrote.")
    found: Form
    if form == "pruneproof" or (form is None and is_mask_file(path)):
        found, masks = "pruneproof", MaskSet.load(path, mapped=True)
        if include:
            masks = masks.only(name for name in masks if _matches(name, include))
    else:
        tensors = _read(path)
        found = form or _form_of(tensors)
        names = _names_of(found, tensors, include)
        masks = MaskSet.from_arrays({name: _alive(stored, tensors, found) for name, stored in names.items()})
    if not masks and (include or found != "pruneproof"):
        matched = f" that matches {', '.join(include)}" if include else ""
        raise BadTensor(f'{path} holds no mask of the form "{found}"{matched}. Look at the names of its tensors.')
    return masks, found


def _form_of(tensors: Mapping[str, torch.Tensor]) -> Form:
    buffers = [name for name in tensors if name.endswith("_mask")]
    if buffers and (len(buffers) == len(tensors) or any(_original(name) in tensors for name in buffers)):
        return "torch-prune"
    return "mask" if all(_is_mask(tensors[name]) for name in tensors) else "zeros"


def _names_of(form: Form, tensors: Mapping[str, torch.Tensor], include: tuple[str, ...]) -> dict[str, str]:
    """Return name of the mask -> name of the tensor in the file."""
    if form == "torch-prune":
        only_masks = all(name.endswith("_mask") for name in tensors)
        buffers = [name for name in tensors if name.endswith("_mask") and (only_masks or _original(name) in tensors)]
        names = {name.removesuffix("_mask"): name for name in buffers}
    elif form == "zeros" and not include:
        names = {name: name for name in tensors if tensors[name].is_floating_point() and tensors[name].dim() >= 2}
    else:
        names = {name: name for name in tensors}
    return {name: stored for name, stored in names.items() if _matches(name, include)}


def _alive(name: str, tensors: Mapping[str, torch.Tensor], form: Form) -> NDArray[np.bool_]:
    tensor = tensors[name]
    if form != "zeros" and not _is_mask(tensor):
        raise BadTensor(
            f'the mask "{name}" holds numbers other than 0 and 1. To take the weights that are not zero, read it in '
            'the form "zeros".'
        )
    return cast("NDArray[np.bool_]", (_comparable(tensor) != 0).numpy())


def _is_mask(tensor: torch.Tensor) -> bool:
    numbers = _comparable(tensor)
    return bool(((numbers == 0) | (numbers == 1)).all())


def _comparable(tensor: torch.Tensor) -> torch.Tensor:
    """Return numbers that can be compared: what is narrower than 16 bits (float8) is widened."""
    return tensor.float() if tensor.is_floating_point() and tensor.element_size() == 1 else tensor


def _original(buffer: str) -> str:
    return buffer.removesuffix("_mask") + "_orig"


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def _read(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a file by name; they stay in the file, mapped into memory, where its format allows it."""
    with path.open("rb") as file:
        start = file.read(9)
    try:
        content = load_file(path) if start[8:] == b"{" else _read_torch(path, zipped=start.startswith(b"PK\x03\x04"))
    except PruneproofError:
        raise
    except Exception as problem:  # the unpickler raises whatever a damaged file leads it to
        raise DataCorrupt(
            f"mask file {path} is damaged or of another format ({type(problem).__name__}). A safetensors file was "
            "expected, or one that torch.save wrote with nothing but tensors, numbers and text in it."
        ) from problem
    for name, tensor in content.items():
        if tensor.layout != torch.strided or tensor.is_nested or tensor.is_quantized or tensor.device.type != "cpu":
            raise BadTensor(f'"{name}" in {path} is sparse, nested or quantised; a plain tensor was expected.')
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise DataCorrupt(f'"{name}" in {path} claims {tensor.numel()} numbers; fewer are stored.')
    return content


def _read_torch(path: Path, *, zipped: bool) -> dict[str, torch.Tensor]:
    if zipped:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > path.stat().st_size:
                raise DataCorrupt(f"mask file {path} unpacks to more than it holds. Write it again with torch.save.")
    content: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    for key in _NESTED_UNDER:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping):
        raise DataCorrupt(f"mask file {path} holds a {type(content).__name__}; a state dict was expected.")
    return {str(name): value.detach() for name, value in content.items() if isinstance(value, torch.Tensor)}
