"""Which tensors of a checkpoint are no weights, by their names, shapes, dtypes and neighbours, and what they are."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from pruneproof.values.averages import averages


class Stored(NamedTuple):
    """What a file says of a tensor before its numbers are read."""

    shape: tuple[int, ...]
    bits: int
    """Of one number."""
    whole: bool
    """Whether it holds whole numbers."""

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return prod(self.shape)


_AT_ONCE = 1 << 20
"""Numbers that are read at a time."""
_LEAVES = {
    "a scale or zero point": (
        r"scales?(_|\d|$)|scaling|(^|_)(q?zeros?|zero_points?|zp|absmax|amax|scb|su|sv|suh|svh)(_|\d|$)|^quant_"
    ),
    "a table of quantised values": r"codebooks?$|centroids?$|(^|_)(lut|lookup_table)$",
    "a gain or factor": r"^(gamma|beta|alpha|gain|temperature|sinks?|g)(_?\d+)?$|magnitude|^modulation$",
    "a bias": r"(^|_)bias(es)?(_|\d|$)|(^|_)(shift|offset)s?$",
    "a learned token": r"(^|_)tokens?$|^latents$|^queries$",
    "a mask": r"(^|_)masks?(_|\d|$)|^(tril|triu|causal)(_|$)",
    "scores of a mask": r"(^|_)scores$",
    "a running statistic": (
        r"(^|_)(running|moving|ema)(_|$)|^((image|pixel|data|input|latents?)_)?(mean|std|var|variance)s?$"
        r"|^embed_avg$|(^|_)cluster_size$|(^|_)(counts?|histogram)$|(^|_)(min|max)(_vals?)?$"
    ),
    "the state of an optimizer": r"(^|_)exp_avg|momentum_buffer|square_avg",
    "a positional table": (
        r"(^|_)(inv_freq|freqs?|freqs_cis|cos|sin|(cos|sin)_cached?|slopes|alibi)(_|$)|^pe$|relative_coords"
    ),
    "a rate of a recurrence": r"^a_logs?$|^[kr]_[ka]$|^time_(decay|first|faaaa|mix_[kvrgw]|maa_[xkvrgw])$",
    "a fixed table": r"^(anchors?|priors?|strides?|fb|fbanks?|filt)$|(^|_)window(_|$)|^mel_|(^|_)(basis|grid|coords)$",
}
"""Kind -> what the last part of a name says."""
_POSITIONAL = (
    r"(^|_)pos(itions?|itional)?_?(emb|enc|tab|bias)|embed_positions|(^|_)(rel|relative)_(pos|position|attention)"
    r"|^w?pe$|^alibi"
)
"""What the last part of a name, or the module that owns it, says of a positional table."""
_NORM = r"(^|_)norm(s?\d*$|_)|(layer|rms|batch|group|instance)_?norm|^ln(_|\d|$)|_ln\d*$|^bn\d*$|_bn\d*$"
"""What the module says of gains."""
_QUANTISER = r"(^|_)(codebooks?|centroids?)$"
"""What the module says of tables of quantised values."""
_WEIGHT = r"(^|_)(weights?|kernel|embedding|proj|w)(_|\d|$)|^w\w{0,2}$"
_FACTOR = r"(^|_)(lora[ab]?|loha|hada|lokr|vera|ia3|b?oft)(_|$|\d)"
_INDEX = r"mask|bias|ind(ex|ices)|idx|(^|_)ids?$"


AVERAGE = "a running average of other weights here"
"""How the reason begins for what is a weight as well, in a copy of the model of its own."""


def no_weights(tensors: Mapping[str, Stored]) -> dict[str, str]:
    """Return name -> what it is, for each tensor that is no weight: a bias, a scale, a mask, a vector, ...

    Names are those of state dicts (`layer.weight`) or of trees (`layer/kernel`). What is not known is a weight if it
    holds fractions in two or more dimensions.

    >>> no_weights({
    ...     "fc.qweight": Stored((4, 32), 32, True), "fc.scales": Stored((2, 32), 16, False),
    ...     "experts.up": Stored((4, 8, 16), 16, False), "experts.up_bias": Stored((4, 16), 16, False),
    ... })
    {'fc.qweight': 'whole numbers', 'fc.scales': 'a scale or zero point', 'experts.up_bias': 'a bias'}
    """
    packed = _packed(tensors)
    found = {}
    for name, stored in tensors.items():
        reason = (
            _by_form(stored)
            or _by_name(name, stored)
            or _by_owner(name, tensors)
            or _by_neighbour(name, stored, packed.get(_module(name), {}), tensors)
        )
        if reason:
            found[name] = reason
    matrices = {name: stored.shape for name, stored in tensors.items() if name not in found}
    found |= {
        name: f'{AVERAGE}; --include "{prefix}*" prunes it instead' for name, prefix in averages(matrices).items()
    }
    factors = [name for name in tensors if name not in found and any(map(named_as_factor, _parts(name)))]
    if len(factors) + len(found) < len(tensors):  # an adapter's own file holds nothing else to prune
        found |= dict.fromkeys(factors, "a low-rank factor beside the weights that it adds to; merge it first")
    return found


def named_as_weight(name: str) -> bool:
    """Say whether a name says that it is a weight, so that its numbers need not be asked.

    >>> [name for name in ("fc.weight", "experts.gate_up_proj", "attn.window", "x") if named_as_weight(name)]
    ['fc.weight', 'experts.gate_up_proj']
    """
    return bool(re.search(_WEIGHT, _leaf(name)))


def named_as_factor(part: str) -> bool:
    """Say whether a part of a name says that it is a low-rank factor of an adapter, or the module of one.

    >>> [part for part in ("lora_A", "hada_w1_a", "loraA", "flora") if named_as_factor(part)]
    ['lora_A', 'hada_w1_a', 'loraA']
    """
    return bool(re.search(_FACTOR, part, re.IGNORECASE))


def named_as_other(leaf: str) -> str | None:
    """Return what the last part of a name says that is no weight; None if it says nothing of the sort.

    >>> named_as_other("weight_scale"), named_as_other("pos_embed"), named_as_other("weight")
    ('a scale or zero point', 'a positional table', None)
    """
    lower = leaf.lower().partition(":")[0]
    for kind, pattern in _LEAVES.items():
        if re.search(pattern, lower):
            return kind
    return "a positional table" if re.search(_POSITIONAL, lower) else None


def is_vector(name: str, shape: Sequence[int]) -> bool:
    """Say whether a tensor is a vector for all its dimensions of side 1, and no matrix of one row or column.

    Which of the two is a matter of its name, but for [1, 1, n]: that is added, whatever it is called.

    >>> is_vector("scale_shift", (1, 8)), is_vector("head.weight", (1, 8)), is_vector("att.w0", (1, 1, 8))
    (True, False, True)
    """
    is_row = len(shape) > 2 and shape[-1] == prod(shape)
    return sum(side > 1 for side in shape) < 2 and (is_row or not named_as_weight(name))


def holds_two_values(numbers: Any, shape: tuple[int, ...]) -> bool:  # the library does not type its slices
    """Say whether a tensor, or a slice of a file, holds at most two values, as masks and constants do.

    It is read along the first side longer than 1, at first one row and then more at a time, up to a third value.

    >>> import torch
    >>> holds_two_values(torch.ones(1, 3, 3).tril(), (1, 3, 3)), holds_two_values(torch.arange(4.0), (4,))
    (True, False)
    """
    axis = next((axis for axis, side in enumerate(shape) if side > 1), len(shape) - 1)
    width = max(prod(shape[axis + 1 :]), 1)
    seen, start, many = np.zeros(0), 0, 1
    while start < shape[axis]:
        part = numbers[(*[0] * axis, slice(start, start + many))]
        seen = np.unique(np.concatenate([seen, part.double().reshape(-1).numpy()]), equal_nan=False)
        if len(seen) > 2:
            return False
        start += many
        many = min(2 * many, max(_AT_ONCE // width, 1))
    return True


def _parts(name: str) -> list[str]:
    return re.split("[./]", name)


def _leaf(name: str) -> str:
    return _parts(name)[-1].lower().partition(":")[0]


def _module(name: str) -> str:
    return name[: -len(_parts(name)[-1])]


def _by_form(stored: Stored) -> str | None:
    if stored.whole:
        return "whole numbers"
    return "a vector" if len(stored.shape) < 2 else None


def _by_name(name: str, stored: Stored) -> str | None:
    owner = _owner(name)
    if other := named_as_other(_leaf(name)):
        return other
    if re.search(_POSITIONAL, owner):
        return "a positional table"
    if re.search(_QUANTISER, owner):
        return "a table of quantised values"
    if re.search(_NORM, owner):
        return "gains of a normalisation"
    return "a vector" if is_vector(name, stored.shape) else None


def _owner(name: str) -> str:
    parts = _parts(name)
    return parts[-2].lower() if len(parts) > 1 else ""


def _by_owner(name: str, tensors: Mapping[str, Stored]) -> str | None:
    """Return why a weight is not what its tensor says: a mask or another function stands between the two."""
    module, leaf = _module(name), _parts(name)[-1]
    if module[:-1] in tensors:
        return f'a part of "{module[:-1]}"'
    stem = name.removesuffix("_orig")
    mask = f"{stem}_mask"
    if mask in tensors and tensors[mask].shape == tensors[name].shape:
        return f'weights under the mask "{mask}"; multiply it in first'
    if f"{name}_avg" in tensors:
        return f'kept by the running average "{name}_avg"'
    if leaf in ("weight_g", "weight_v") and {f"{module}weight_g", f"{module}weight_v"} <= tensors.keys():
        return "a part of a normalised weight; remove the weight norm first"
    if re.search(r"parametrizations\.[^.]+\.original\d*$", name):
        return "the input of a parametrisation; remove that first"
    return None


def _packed(tensors: Mapping[str, Stored]) -> dict[str, dict[str, Stored]]:
    """Return module -> the tensors that can hold quantised weights."""
    found: dict[str, dict[str, Stored]] = defaultdict(dict)
    for name, stored in tensors.items():
        narrow = stored.bits in (8, 16, 32) if stored.whole else stored.bits < 16
        if narrow and len(stored.shape) >= 2 and not re.search(_INDEX, _leaf(name)):
            found[_module(name)][name] = stored
    return found


def _by_neighbour(name: str, stored: Stored, packed: Mapping[str, Stored], tensors: Mapping[str, Stored]) -> str | None:
    """Return what a tensor is to others of its module."""
    for other, quantised in packed.items():
        if name not in packed and stored.size < quantised.size * quantised.bits // 8:
            return f'smaller than the quantised "{other}" that it lies beside'
    leaf, module = _parts(name)[-1], _module(name)
    bias = re.fullmatch(r"(.*_|)[bB](\d*|_.*)", leaf)
    stems = [f"{bias[1]}{letter}{bias[2]}" for letter in "wW"] if bias else []
    if any(_is_deeper(tensors.get(module + stem), stored) for stem in stems):
        return "a bias"
    for cut in (place.start() for place in re.finditer("_", leaf)):
        longer = tensors.get(module + leaf[:cut])
        if longer and _is_deeper(longer, stored) and stored.shape[-1] in longer.shape[1:]:
            return f'one number for each output of "{module}{leaf[:cut]}"'
    return None


def _is_deeper(stack: Stored | None, stored: Stored) -> bool:
    """Say whether `stack` holds a matrix for each vector of `stored`."""
    return stack is not None and len(stack.shape) == len(stored.shape) + 1 and stack.shape[0] == stored.shape[0]
