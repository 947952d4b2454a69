"""Masks that lie beside the weights in a state dict, and weights that lie there as the input of a function."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch

from pruneproof.errors import BadTensor

_OWN = ("mask", "pruning_mask", "prune_mask", "sparse_mask", "sparsity_mask")
"""What the mask of a module's `weight` is called."""


class Buffer(NamedTuple):
    """A mask and the weights that it is for."""

    stored: str
    """Name of the tensor in the file."""
    weights: str
    """Name of the weights in the file."""


def mask_buffers(tensors: Mapping[str, torch.Tensor]) -> dict[str, Buffer]:
    """Return name of the weights in the model -> its mask, for masks of the shape of weights beside them.

    >>> sorted(mask_buffers({name: torch.ones(2, 2) for name in ("fc.weight", "fc.weight_mask", "attn.mask")}))
    ['fc.weight']

    Raises:
        BadTensor: the scores of a mask lie beside the weights and not the mask, or its shape does not fit.
    """
    found = {}
    for stored in tensors:
        for name, weights in _candidates(stored):
            if weights in tensors and weights != stored and _fits(stored, weights, tensors):
                found[name] = Buffer(stored, weights)
                break
        else:
            _refuse_scores(stored, tensors)
    return found


def spread(mask: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Return the mask in the shape of the weights; one of filters says the same of all weights of a filter."""
    return mask.expand(weights.shape)


def _candidates(stored: str) -> Iterator[tuple[str, str]]:
    """Yield what a buffer may be the mask of: name in the model, name in the file."""
    module, _, leaf = stored.rpartition(".")
    prefix = f"{module}." if module else ""
    parametrised = re.fullmatch(r"(.*?)parametrizations\.([^.]+)\.\d+\.mask", stored)
    if parametrised:
        owner, name = parametrised.groups()
        yield f"{owner}{name}", f"{owner}parametrizations.{name}.original"
    elif leaf.endswith("_mask"):
        name = stored.removesuffix("_mask")
        yield name, f"{name}_orig"
        yield name, name
    elif leaf.startswith("mask_"):
        name = leaf.removeprefix("mask_").replace("___", ".")  # OpenLTH, whose buffers lie beside the `model`
        for weights in (f"{prefix}{name}", f"{prefix}model.{name}"):
            yield weights, weights
    if leaf == "mask" and module:
        yield module, module
    if leaf in _OWN:
        yield f"{prefix}weight", f"{prefix}weight"


def _fits(stored: str, weights: str, tensors: Mapping[str, torch.Tensor]) -> bool:
    """Say whether shapes are equal, or those of a mask of filters; a bare `mask` may be one of attention."""
    mask, shape = tensors[stored].shape, tensors[weights].shape
    if len(mask) == len(shape) and all(side in (1, full) for side, full in zip(mask, shape, strict=True)):
        return True
    if stored.rpartition(".")[2] in _OWN:
        return False
    raise BadTensor(
        f'the mask "{stored}" of shape {list(mask)} does not fit "{weights}" of shape {list(shape)}. Write a mask of '
        'the shape of the weights, or read the zeros of the weights in the form "zeros".'
    )


def _refuse_scores(stored: str, tensors: Mapping[str, torch.Tensor]) -> None:
    module, _, leaf = stored.rpartition(".")
    weights = f"{module}.weight" if module else "weight"
    scores = leaf in ("scores", "mask_scores", "popup_scores", "weight_mask_scores")
    if scores and weights in tensors and tensors[weights].shape == tensors[stored].shape:
        raise BadTensor(
            f'"{stored}" decides which weights of "{weights}" are used, and the mask itself is not in the file. Save '
            'the mask, or read the zeros of the weights in the form "zeros".'
        )


def effective(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return name in the model -> tensor that is zero where the model's weight is, for weights behind a function.

    Weights of a weight norm are zero where their direction is, or the norm of their row; those of a spectral norm where
    its input is. The parts of these functions are left out.

    >>> found = effective({"fc.weight_g": torch.tensor([[2.0], [0.0]]), "fc.weight_v": torch.tensor([[0.0, 3.0]] * 2)})
    >>> {name: weight.tolist() for name, weight in found.items()}
    {'fc.weight': [[0.0, 3.0], [0.0, 0.0]]}

    Raises:
        BadTensor: a weight behind another parametrisation, whose zeros are not in the file.
    """
    found = dict(tensors)
    for stored, tensor in tensors.items():
        parametrised = re.fullmatch(r"(.*?)parametrizations\.([^.]+)\.original(1?)", stored)
        if parametrised:
            owner, name, second = parametrised.groups()
            norm = f"{owner}parametrizations.{name}.original0"
            if second and norm in tensors and _is_norm(tensors[norm], tensor):
                found[f"{owner}{name}"] = _directed(found.pop(norm), found.pop(stored))
            elif not second and f"{owner}parametrizations.{name}.0._u" in tensors:
                found[f"{owner}{name}"] = found.pop(stored)
            elif tensor.dim() >= 2:
                raise BadTensor(
                    f'"{stored}" is the input of a parametrisation, and zeros of the weight are not seen in it. Remove '
                    "the parametrisation first: torch.nn.utils.parametrize.remove_parametrizations."
                )
        elif re.search(r"weight\w*_v$", stored) and _is_norm(tensors.get(f"{stored[:-1]}g"), tensor):
            found[stored[:-2]] = _directed(found.pop(f"{stored[:-1]}g"), found.pop(stored))
        elif stored.endswith("_orig") and f"{stored[:-5]}_mask" not in tensors:
            found[stored[:-5]] = found.pop(stored)
    return found


def _is_norm(norm: torch.Tensor | None, direction: torch.Tensor) -> bool:
    """Say whether there is one number for each row, or column, of the direction."""
    if norm is None or norm.dim() != direction.dim():
        return False
    return all(side in (1, full) for side, full in zip(norm.shape, direction.shape, strict=True))


def _directed(norm: torch.Tensor, direction: torch.Tensor) -> torch.Tensor:
    return torch.where(norm != 0, direction, 0)
