"""Masks read from other people's files: torch pruning buffers, OpenLTH masks, checkpoints with zeros."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, cast, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from pruneproof.errors import BadTensor, UnknownName
from pruneproof.values.mask_buffers import Buffer, effective, mask_buffers, spread
from pruneproof.values.mask_file import is_mask_file
from pruneproof.values.masks import MaskSet
from pruneproof.values.no_weights import Stored, holds_two_values, named_as_weight, no_weights
from pruneproof.values.state_file import comparable, find_file, is_mask, read_tensors
from pruneproof.values.wrapped_names import unwrapped

Form = Literal["pruneproof", "torch-prune", "buffers", "mask", "zeros"]
FORMS: tuple[Form, ...] = get_args(Form)


def import_masks(path: Path, *, form: Form | None = None, include: tuple[str, ...] = ()) -> tuple[MaskSet, Form]:
    """Read masks from a safetensors file or from a file of `torch.save`, and say in which form they were found.

    The forms, tried in this order when `form` is None:

    * `pruneproof`: a mask file of this package.
    * `torch-prune`: buffers of `torch.nn.utils.prune`, each `NAME_mask` beside `NAME_orig`, or in a file of nothing but
      such masks; the mask is called NAME.
    * `buffers`: masks beside weights that are not masked: `NAME_mask`, `NAME.mask`, a module's `mask` beside its
      `weight`, and those of parametrisations; each of the shape of the weights, or of their filters.
    * `mask`: name -> tensor in which every number is 0 or 1, such as OpenLTH's `mask.pth`.
    * `zeros`: a plain state dict; what is exactly zero is pruned, in the tensors that are weights (`no_weights`: biases
      and normalisation often start at zero, so they say nothing).

    Files of `torch.save` are read without running code in them; see `read_tensors`. What DataParallel, torch.compile,
    AveragedModel and their like put in front of names is taken away.

    Args:
        path: the file, the index of a sharded checkpoint, or the folder of a model.
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
    file = find_file(path)
    found: Form
    if form == "pruneproof" or (form is None and is_mask_file(file)):
        found, masks = "pruneproof", MaskSet.load(file, mapped=True)
        if include:
            masks = masks.only(name for name in masks if _matches(name, include))
    else:
        stored = read_tensors(file)
        tensors = {name: stored[wrapped] for wrapped, name in unwrapped(stored).items()}
        found, alive = _read_as(form, tensors, include)
        masks = MaskSet.from_arrays({name: cast("NDArray[np.bool_]", each.numpy()) for name, each in alive.items()})
    if not masks and (include or found != "pruneproof"):
        matched = f" that matches {', '.join(include)}" if include else ""
        raise BadTensor(f'{path} holds no mask of the form "{found}"{matched}. Look at the names of its tensors.')
    return masks, found


def _read_as(
    form: Form | None, tensors: Mapping[str, torch.Tensor], include: tuple[str, ...]
) -> tuple[Form, dict[str, torch.Tensor]]:
    """Return the form, and name -> which weights are alive."""
    buffers = mask_buffers(tensors) if form in (None, "torch-prune", "buffers") else {}
    alone = all(name.endswith("_mask") for name in tensors)
    found = form or _form_of(tensors, buffers, alone=alone)
    if found == "zeros":
        return found, {name: comparable(tensor) != 0 for name, tensor in _weights(tensors, include).items()}
    if found == "mask" or (found == "torch-prune" and alone):
        masks = {name.removesuffix("_mask") if alone and found != "mask" else name: tensors[name] for name in tensors}
        return found, {name: _alive(name, mask) for name, mask in masks.items() if _matches(name, include)}
    chosen = {name: buffer for name, buffer in buffers.items() if _matches(name, include)}
    return found, {
        name: spread(_alive(stored, tensors[stored]), tensors[weights]) for name, (stored, weights) in chosen.items()
    }


def _form_of(tensors: Mapping[str, torch.Tensor], buffers: Mapping[str, Buffer], *, alone: bool) -> Form:
    if tensors and (alone or any(weights.endswith("_orig") for _, weights in buffers.values())):
        return "torch-prune"
    if buffers:
        return "buffers"
    return "mask" if all(is_mask(tensor) for tensor in tensors.values()) else "zeros"


def _weights(tensors: Mapping[str, torch.Tensor], include: tuple[str, ...]) -> dict[str, torch.Tensor]:
    """Return the weights of a plain state dict, or what is asked for."""
    plain = effective(tensors)
    if include:
        return {name: tensor for name, tensor in plain.items() if _matches(name, include)}
    others = no_weights(
        {
            name: Stored(tuple(tensor.shape), 8 * tensor.element_size(), whole=not _holds_fractions(tensor))
            for name, tensor in plain.items()
            if not name.endswith("_mask")  # whose weights count by their own zeros
        }
    )
    return {
        name: tensor
        for name, tensor in plain.items()
        if name not in others
        and not name.endswith("_mask")
        and (named_as_weight(name) or not holds_two_values(tensor, tuple(tensor.shape)))
    }


def _holds_fractions(tensor: torch.Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _alive(name: str, mask: torch.Tensor) -> torch.Tensor:
    if not is_mask(mask):
        raise BadTensor(
            f'the mask "{name}" holds numbers other than 0 and 1. To take the weights that are not zero, read it in '
            'the form "zeros".'
        )
    return comparable(mask) != 0


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)
