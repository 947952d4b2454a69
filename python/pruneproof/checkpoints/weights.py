"""Which tensors of a checkpoint are pruned."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import prod

from pruneproof.errors import BadOption, BadTensor
from pruneproof.values.no_weights import AVERAGE, Stored, named_as_weight, no_weights

RANKED = ("F16", "BF16", "F32", "F64")
"""Dtypes whose magnitudes have an order."""
_WHOLE = ("BOOL", "I8", "U8", "I16", "U16", "I32", "U32", "I64", "U64")


@dataclass(frozen=True)
class Weight:
    """One tensor that is pruned."""

    name: str
    dtype: str
    """As safetensors writes it, e.g. BF16."""
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """The number of weights."""
        return prod(self.shape)


def choose_weights(
    tensors: Sequence[Weight], include: Sequence[str], exclude: Sequence[str], flat: Collection[str] = ()
) -> list[Weight]:
    """Return the tensors to prune, by name: those that a pattern of `include` matches and none of `exclude`.

    Without `include`: all of which nothing says that they are no weights (`no_weights`).

    >>> stored = [Weight("fc.weight", "F32", (4, 2)), Weight("fc.bias", "F32", (4,)), Weight("ids", "I64", (1, 4))]
    >>> [weight.name for weight in choose_weights(stored, [], [])]
    ['fc.weight']
    >>> [weight.name for weight in choose_weights(stored, ["fc.*"], ["*.weight"])]
    ['fc.bias']

    Args:
        tensors: all of the checkpoint.
        include: glob patterns of names.
        exclude: glob patterns of names.
        flat: names of tensors that hold at most two values, of those that `unnamed` gives.

    Raises:
        BadOption: a pattern matches nothing, or nothing is left to prune.
        BadTensor: a tensor of a dtype that cannot be ranked.
    """
    for option, patterns in (("--include", include), ("--exclude", exclude)):
        for pattern in patterns:
            if not any(fnmatchcase(tensor.name, pattern) for tensor in tensors):
                raise BadOption(
                    f'{option} "{pattern}" matches none of the {len(tensors)} tensors ({_listed(tensors)}).'
                )
    left = left_out(tensors, include, exclude, flat)
    weights = sorted((tensor for tensor in tensors if tensor.name not in left), key=lambda tensor: tensor.name)
    if not sum(weight.size for weight in weights):
        raise BadOption(
            f"there is no weight to prune among the {len(tensors)} tensors ({_listed(tensors, left)}). "
            "Choose some with --include."
        )
    for weight in weights:
        if weight.dtype not in RANKED:
            raise BadTensor(
                f'"{weight.name}" is of dtype {weight.dtype}, whose magnitudes cannot be ranked. Allowed: '
                f"{', '.join(RANKED)}. Leave it as it is with --exclude."
            )
    return weights


def left_out(
    tensors: Sequence[Weight], include: Sequence[str], exclude: Sequence[str], flat: Collection[str] = ()
) -> dict[str, str]:
    """Return name -> why, by name, for each tensor that `choose_weights` does not choose.

    >>> left_out([Weight("fc.weight", "F32", (4, 2)), Weight("fc.bias", "F32", (4,))], [], [])
    {'fc.bias': 'a vector'}
    """
    if include:
        found = {
            tensor.name: "matched by no --include"
            for tensor in tensors
            if not any(fnmatchcase(tensor.name, pattern) for pattern in include)
        }
    else:
        found = dict.fromkeys(flat, "a mask or constant of at most two values") | _no_weights(tensors)
    for tensor in tensors:
        if any(fnmatchcase(tensor.name, pattern) for pattern in exclude):
            found[tensor.name] = "matched by --exclude"
    return dict(sorted(found.items()))


def unnamed(tensors: Sequence[Weight], include: Sequence[str], exclude: Sequence[str]) -> list[Weight]:
    """Return the tensors that would be pruned though their names do not say that they are weights.

    >>> [tensor.name for tensor in unnamed([Weight("x", "F32", (4, 2)), Weight("fc.weight", "F32", (4, 2))], [], [])]
    ['x']
    """
    if include:
        return []
    left = left_out(tensors, include, exclude)
    return [
        tensor
        for tensor in tensors
        if tensor.name not in left and tensor.dtype in RANKED and not named_as_weight(tensor.name)
    ]


def doubted(tensors: Sequence[Weight], include: Sequence[str], exclude: Sequence[str]) -> dict[str, str]:
    """Return name -> what it is, for each tensor that `include` names although it is known to be no weight.

    >>> doubted([Weight("fc.weight", "F32", (4, 2)), Weight("fc.bias", "F32", (4,))], ["fc.*"], [])
    {'fc.bias': 'a vector'}
    """
    if not include:
        return {}
    left, known = left_out(tensors, include, exclude), _no_weights(tensors)
    chosen = [tensor for tensor in tensors if tensor.name not in left and tensor.name in known]
    beside = _no_weights([tensor for tensor in tensors if tensor.name not in left])
    return {
        tensor.name: known[tensor.name]
        for tensor in sorted(chosen, key=lambda tensor: tensor.name)
        if tensor.name in beside or not known[tensor.name].startswith(AVERAGE)  # averages alone are the model
    }


def _no_weights(tensors: Sequence[Weight]) -> dict[str, str]:
    stored = {}
    for tensor in tensors:
        digits = re.search(r"\d+", tensor.dtype)  # F8_E4M3: 8; BOOL has none
        stored[tensor.name] = Stored(tensor.shape, int(digits[0]) if digits else 1, tensor.dtype in _WHOLE)
    return no_weights(stored)


def _listed(tensors: Sequence[Weight], reasons: Mapping[str, str] | None = None) -> str:
    """Name the first tensors, and what they are."""
    told = reasons or {}
    names = [f'"{each.name}"' + (f": {told[each.name]}" if each.name in told else "") for each in tensors[:5]]
    return ", ".join(names + ["..."] * (len(tensors) > 5)) or "none"
