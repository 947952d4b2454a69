"""What is a weight in a module: the matrices that multiply features, by class and then by rule."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from torch import nn
from torch.nn.utils.parametrize import ParametrizationList

from pruneproof.errors import BadTensor
from pruneproof.selection.memory import places
from pruneproof.values.no_weights import is_vector, named_as_factor, named_as_other

_LAYERS = (
    nn.Linear,
    nn.Bilinear,
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)
_EMBEDDINGS = (nn.Embedding, nn.EmbeddingBag)
_ATTENTION = ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight")
_LOOKED_UP = re.compile(
    r"(^|_)(\w*emb\w*|pos|position\w*|bias\w*|table|norm|scales?|gamma|beta|log|decay|mix|prototypes?|quer(y|ies)|"
    r"tokens?|latents?|mask|prompts?|registers?|slots?|memory)(_|$)",
    re.IGNORECASE,
)
"""What a parameter's name says of matrices that are added or looked up, besides what it says in any checkpoint."""

EMBEDDING = "embeddings, and heads tied to them"
ADAPTER = "factors of adapters (merge them first: what they add is not pruned)"
LOOKED_UP = "matrices whose name says that they are added or looked up"
COMPUTED = "computed by a parametrization"
PACKED = "held as buffers or packed, as by quantisation"


@dataclass
class Weights:
    """The parameters of a module that are ranked, and why the other matrices are not."""

    ranked: dict[str, nn.Parameter] = field(default_factory=dict)
    """Each memory under its first name, in the order of the modules."""
    left: dict[str, str] = field(default_factory=dict)
    """Name -> why it is left as it is."""


def weights_of(module: nn.Module) -> Weights:
    """Return what multiplies features in a module.

    By class: the weights of linear, bilinear and (transposed) convolution layers, the projections of attention, the
    matrices of recurrent layers. Of other classes: floating-point parameters of two or more dimensions, of which two
    are longer than 1 (or whose name says `weight`, `kernel` or `proj`), unless a name says that they are added or
    looked up. Left out are embeddings, heads that are tied to one, and the factors of adapters (LoRA and its kin).

    >>> found = weights_of(nn.Sequential(nn.Embedding(5, 4), nn.GRU(4, 2)))
    >>> list(found.ranked), found.left
    (['1.weight_ih_l0', '1.weight_hh_l0'], {'0.weight': 'embeddings, and heads tied to them'})

    Raises:
        BadTensor: the weight of a layer is computed, or has no values yet.
    """
    found = Weights()
    owners = dict(module.named_modules())
    embedded = {
        places(part.weight)
        for part in owners.values()
        if isinstance(part, _EMBEDDINGS) and isinstance(part.weight, nn.Parameter)
    }
    for prefix, part in owners.items():
        known = _by_class(part)
        for leaf in [*known, *(leaf for leaf in _matrices(part) if leaf not in known)]:
            name = f"{prefix}.{leaf}" if prefix else leaf
            weight = part._parameters.get(leaf)
            if _is_factor(owners, prefix, leaf):
                found.left[name] = ADAPTER
            elif weight is None:
                raise BadTensor(
                    f'"{name}" is computed, not a parameter of {type(module).__name__}. Remove its parametrization '
                    "(for torch's pruning: torch.nn.utils.prune.remove), or pass tensors by name instead."
                )
            elif isinstance(weight, nn.parameter.UninitializedParameter):
                raise BadTensor(f'"{name}" has no values yet. Run a batch through the module first.')
            elif isinstance(part, _EMBEDDINGS) or places(weight) in embedded:
                found.left[name] = EMBEDDING
            elif leaf in known or (reason := _reason(part, leaf, weight)) is None:
                found.ranked[name] = weight
            elif reason:
                found.left[name] = reason
        for leaf in _packed(part):
            found.left[f"{prefix}.{leaf}" if prefix else leaf] = PACKED
    return found


def _by_class(part: nn.Module) -> list[str]:
    """Return the names of the matrices that a known layer multiplies features by."""
    if isinstance(part, _LAYERS):
        return ["weight"]
    if isinstance(part, nn.MultiheadAttention):
        names = _ATTENTION[:1] if part._qkv_same_embed_dim else _ATTENTION[1:]
        return list(names)
    if isinstance(part, nn.RNNBase):
        return [name for name in part._flat_weights_names if name.startswith("weight")]
    if isinstance(part, nn.RNNCellBase):
        return ["weight_ih", "weight_hh"]
    return []


def _matrices(part: nn.Module) -> Iterator[str]:
    """Yield the names of a module's own parameters that have two or more dimensions."""
    for leaf, weight in part._parameters.items():
        if weight is None or isinstance(weight, nn.parameter.UninitializedParameter):
            continue
        if weight.is_floating_point() and weight.ndim > 1:
            yield leaf


def _is_factor(owners: dict[str, nn.Module], prefix: str, leaf: str) -> bool:
    """Say whether a parameter is a factor of an adapter, by its name or that of the class it is in."""
    parts = [*prefix.split("."), leaf]
    if any(map(named_as_factor, parts)):
        return True
    for depth, part in enumerate(parts):
        within = owners.get(".".join(parts[:depth]))
        if part in ("A", "B", "a", "b") and within is not None and "lora" in type(within).__name__.lower():
            return True
    return False


def _reason(part: nn.Module, leaf: str, weight: nn.Parameter) -> str | None:
    """Return why a matrix of a module of another class is not ranked; None if it is, "" if it is no matrix at all."""
    kind = type(part).__name__.lower()
    if "norm" in kind or is_vector(leaf, weight.shape):
        return ""
    if isinstance(part, ParametrizationList):
        return COMPUTED
    if "embed" in kind or "position" in kind:
        return EMBEDDING
    return LOOKED_UP if named_as_other(leaf) or _LOOKED_UP.search(leaf) else None


def _packed(part: nn.Module) -> list[str]:
    """Return the names of matrices that a module holds in another form than as parameters."""
    if not part._parameters and callable(getattr(part, "weight", None)):
        return ["weight"]
    return [
        leaf
        for leaf, buffer in part._buffers.items()
        if buffer is not None and "weight" in leaf and not leaf.endswith("_mask") and buffer.ndim > 1
    ]
