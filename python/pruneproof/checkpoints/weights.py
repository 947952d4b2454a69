"""Which tensors of a checkpoint are pruned."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import prod

from pruneproof.errors import BadOption, BadTensor

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


def choose_weights(tensors: Sequence[Weight], include: Sequence[str], exclude: Sequence[str]) -> list[Weight]:
    """Return the tensors to prune, by name: those that a pattern of `include` matches and none of `exclude`.

    Without `include`: all with two or more dimensions that do not hold whole numbers.

    >>> stored = [Weight("fc.weight", "F32", (4, 2)), Weight("fc.bias", "F32", (4,)), Weight("ids", "I64", (1, 4))]
    >>> [weight.name for weight in choose_weights(stored, [], [])]
    ['fc.weight']
    >>> [weight.name for weight in choose_weights(stored, ["fc.*"], ["*.weight"])]
    ['fc.bias']

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

    def chosen(tensor: Weight) -> bool:
        if any(fnmatchcase(tensor.name, pattern) for pattern in exclude):
            return False
        if include:
            return any(fnmatchcase(tensor.name, pattern) for pattern in include)
        return len(tensor.shape) >= 2 and tensor.dtype not in _WHOLE

    weights = sorted((tensor for tensor in tensors if chosen(tensor)), key=lambda tensor: tensor.name)
    if not sum(weight.size for weight in weights):
        raise BadOption(
            f"there is no weight to prune among the {len(tensors)} tensors ({_listed(tensors)}). "
            "Choose some with --include."
        )
    for weight in weights:
        if weight.dtype not in RANKED:
            raise BadTensor(
                f'"{weight.name}" is of dtype {weight.dtype}, whose magnitudes cannot be ranked. Allowed: '
                f"{', '.join(RANKED)}. Leave it as it is with --exclude."
            )
    return weights


def _listed(tensors: Sequence[Weight]) -> str:
    names = [f'"{tensor.name}"' for tensor in tensors[:5]]
    return ", ".join(names + ["..."] * (len(tensors) > 5)) or "none"
