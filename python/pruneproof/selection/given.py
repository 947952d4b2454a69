"""What is passed to `select`, as named tensors: those that compete, and those that are kept whole."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import groupby
from typing import Any

import numpy as np
import torch

from pruneproof.errors import BadConfig, BadTensor
from pruneproof.selection.arrays import Tensor, taken
from pruneproof.selection.memory import aliases, places
from pruneproof.selection.prunable import prunable
from pruneproof.selection.weights import weights_of

_COUNTER = "num_batches_tracked"
_STATISTICS = ("running_mean", "running_var")
_ONCE = "one memory, ranked under its first name"
_MOST = 20


@dataclass(frozen=True)
class Given:
    """Named tensors, in the order of their names."""

    ranked: dict[str, Tensor]
    whole: dict[str, tuple[int, ...]]
    """Name -> shape of those that are kept whole and do not count."""
    left_out: str
    """What is neither, in words; empty if nobody has to be told."""


def named_tensors(given: Any, include: Sequence[str], unprunable: Sequence[str], *, once: bool) -> Given:
    """Return the tensors that compete, and those that a pattern of `unprunable` names.

    >>> found = named_tensors({"b": torch.ones(2), "a": torch.ones(3)}, [], ["a"], once=True)
    >>> found.ranked, found.whole
    ({'b': tensor([1., 1.])}, {'a': (3,)})

    Args:
        given: a module, or name -> tensor.
        include: glob patterns of what competes; None means the weights of a module, and all of a mapping.
        unprunable: glob patterns of what is kept whole.
        once: whether one memory under several names is one weight, under the first of them.

    Raises:
        BadConfig: neither a module nor a mapping from names to tensors, or a pattern that matches nothing.
        BadTensor: a tensor that cannot be ranked, or two that share a part of their memory.
    """
    if isinstance(given, torch.nn.Module):
        return _of_module(given, include, unprunable, once=once)
    if not isinstance(given, Mapping):
        raise BadConfig(
            f"select takes a mapping from names to tensors, or a module; found {type(given).__name__}. {_advice(given)}"
        )
    for name in given:
        if not isinstance(name, str):
            raise BadConfig(f"a tensor has the name {name!r:.80}; text was expected.")
    named = _sorted(given)
    if include:
        named = {name: named[name] for name in _included(named, include)}
    exempt = {name: named[name] for name in set(named) - set(prunable(named, unprunable))} if unprunable else {}
    competing = {name: tensor for name, tensor in named.items() if name not in exempt} if exempt else named
    is_state = hasattr(given, "_metadata")  # what torch's `state_dict` brings along
    kept = {name: each for name, each in competing.items() if not _is_counter(name, each, is_state=is_state)}
    statistics = [name for name in kept if name.endswith(_STATISTICS)] if is_state and not include else []
    ranked = dict(taken({name: each for name, each in kept.items() if name not in statistics}))
    again = aliases(ranked) if once else {}
    tied = _tied_to(exempt, ranked) if once else set()
    whole = {name: tuple(np.shape(named[name])) for name in sorted({*exempt, *tied})}
    shared = [f"{name} (the memory of {first})" for name, first in again.items() if name not in tied]
    if again or tied:
        ranked = {name: tensor for name, tensor in ranked.items() if name not in again and name not in tied}
    left = {**dict.fromkeys(shared, _ONCE), **dict.fromkeys(statistics, "running statistics")}
    return Given(ranked, whole, _why(left))


def _of_module(module: torch.nn.Module, include: Sequence[str], unprunable: Sequence[str], *, once: bool) -> Given:
    parameters = dict(module.named_parameters(remove_duplicate=False))
    if include:
        named, left = {name: parameters[name] for name in _included(parameters, include)}, {}
    else:
        found = weights_of(module)
        named, left = found.ranked, found.left
        if not named:
            others = f"; there are {_listed(left)}" if left else ""
            raise BadTensor(
                f"the module {type(module).__name__} has no convolution or linear weights nor others that multiply "
                f"features{others}. Name what to rank in `include`, or pass tensors by name instead."
            )
    if once:
        again = aliases(named)
        named = {name: weight for name, weight in named.items() if name not in again}
    whole: set[str] = set()
    if unprunable:
        everything = {*parameters, *left}
        matched = everything - set(prunable(everything, unprunable))
        exempt = {name: parameters[name] for name in matched & set(parameters)}
        whole = (matched & set(named)) | _tied_to(exempt, named)
        left = {name: why for name, why in left.items() if name not in matched}
    return Given(
        _sorted({name: weight for name, weight in taken(named).items() if name not in whole}),
        {name: tuple(named[name].shape) for name in sorted(whole)},
        _why(left),
    )


def _sorted(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    names = sorted(tensors)
    if type(tensors) is dict and names == list(tensors):
        return tensors
    return {name: tensors[name] for name in names}


def _included(names: Collection[str], include: Sequence[str]) -> list[str]:
    """Return the names that a pattern of `include` matches."""
    for pattern in include:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise BadConfig(f'the pattern "{pattern}" of `include` matches none of {", ".join(sorted(names))}.')
    return [name for name in names if any(fnmatchcase(name, pattern) for pattern in include)]


def _is_counter(name: str, tensor: Any, *, is_state: bool) -> bool:
    """Say whether a tensor holds what a network counts: in a state dict all that is no floating-point number."""
    if not is_state and not name.endswith(_COUNTER):
        return False
    return isinstance(tensor, torch.Tensor) and not tensor.is_floating_point() and not tensor.is_complex()


def _tied_to(exempt: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> set[str]:
    """Return the names of the tensors that are the memory of an exempt one."""
    if not exempt:
        return set()
    taboo = {places(tensor) for tensor in exempt.values() if isinstance(tensor, torch.Tensor | np.ndarray)}
    return {name for name, tensor in tensors.items() if places(tensor) in taboo}


def _why(left: Mapping[str, str]) -> str:
    """Say what is left out, by reason."""
    if not left:
        return ""
    by_reason = groupby(sorted(left, key=lambda name: (left[name], name)), key=lambda name: left[name])
    reasons = "; ".join(f"{reason}: {_listed(list(names))}" for reason, names in by_reason)
    return (
        f"left as they are, not ranked and not counted: {reasons}. Say what is ranked by `include`, or name these in "
        "`unprunable`."
    )


def _listed(names: Collection[str]) -> str:
    shown = list(names)[:_MOST]
    return ", ".join(shown) + (f" and {len(names) - _MOST} more" if len(names) > _MOST else "")


def _advice(given: Any) -> str:
    """Say what to write in place of something that is often passed."""
    first = given[0] if isinstance(given, list | tuple) and given else None
    if isinstance(first, tuple) and first and isinstance(first[0], torch.nn.Module):
        return (
            "Pairs of a module and a parameter's name are what torch.nn.utils.prune takes. Pass the whole module with "
            'include=["NAME.weight"], or {"NAME.weight": layer.weight}.'
        )
    if isinstance(given, Iterator) or (isinstance(first, tuple) and first and isinstance(first[0], str)):
        return "Pass the module itself, or dict(model.named_parameters()) for all its parameters."
    if isinstance(given, torch.Tensor | np.ndarray):
        return 'Give it a name: {"weight": tensor}.'
    return 'Give each tensor a name: {"fc1.weight": tensor}, or pass the module itself.'
