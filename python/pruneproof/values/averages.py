"""Which tensors of a checkpoint are running averages (EMA, SWA) of its other tensors, by their names and shapes."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import takewhile

_AVERAGE = re.compile(r"(^|_)(ema|swa)\d*(_|$)", re.IGNORECASE)
_WRAPPER = re.compile(r"module|model|state_dict|shadow|params|_orig_mod")
"""Parts of a name that may stand between the one that says average and those of the model."""


def averages(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
    """Return name -> the prefix that says so, for each tensor that is the average of another one.

    All tensors below a prefix such as `ema.`, `model_ema.` or `state_dict_ema.` must have a namesake of the same shape
    under one other prefix; dots may be missing in the averages' names. Where there are none, they are the model.

    >>> averages({"model.net.0.weight": (4, 2), "model_ema.net0weight": (4, 2)})
    {'model_ema.net0weight': 'model_ema.'}
    >>> averages({"ema.net.0.weight": (4, 2)})
    {}

    Args:
        shapes: name -> shape of the tensors that could be weights; names are those of state dicts or of trees.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for name in shapes:
        groups[_prefix(name)].append(name)
    found: dict[str, str] = {}
    for prefix, names in groups.items():
        if prefix:
            others = {
                _undotted(name): shape for name, shape in shapes.items() if _depth(_prefix(name)) < _depth(prefix)
            }
            if any(_stand_under_one_prefix(below, others) for below in _without_wrappers(prefix, names, shapes)):
                found |= dict.fromkeys(names, prefix)
    return found


def _prefix(name: str) -> str:
    """Return a name up to the last module that says average; empty where none does."""
    places = [place.end() for place in re.finditer(r"[^./]+[./]", name) if _AVERAGE.search(place[0][:-1])]
    return name[: places[-1]] if places else ""


def _depth(prefix: str) -> int:
    """Return how many parts say average: of `ema.ema_model.` beside `ema.online_model.`, it is the former."""
    return sum(bool(_AVERAGE.search(part)) for part in re.split("[./]", prefix))


def _undotted(name: str) -> str:
    return re.sub("[./]", "", name)


def _without_wrappers(
    prefix: str, names: Sequence[str], shapes: Mapping[str, tuple[int, ...]]
) -> list[dict[str, tuple[int, ...]]]:
    """Return the tensors below a prefix, and below each wrapper that all of them have next."""
    parts = [re.split("[./]", name.removeprefix(prefix)) for name in names]
    next_parts = zip(*[each[:-1] for each in parts], strict=False)
    wrappers = list(takewhile(lambda each: len(set(each)) == 1 and _WRAPPER.fullmatch(each[0]), next_parts))
    return [
        {"".join(each[cut:]): shapes[name] for name, each in zip(names, parts, strict=True)}
        for cut in range(len(wrappers) + 1)
    ]


def _stand_under_one_prefix(below: Mapping[str, tuple[int, ...]], others: Mapping[str, tuple[int, ...]]) -> bool:
    first, shape = next(iter(below.items()))
    starts = [name.removesuffix(first) for name, other in others.items() if name.endswith(first) and other == shape]
    return any(all(others.get(start + name) == side for name, side in below.items()) for start in starts)
