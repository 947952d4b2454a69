"""Finds the tensors that a mask names in a module or mapping, and says which prefix is in the way."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from pruneproof.errors import BadTensor
from pruneproof.values.wrapped_names import WRAPPERS, without_parts

if TYPE_CHECKING:
    import torch

_WRAPPERS = ("module", *WRAPPERS)
"""`module` is what DataParallel and AveragedModel put into names."""


def tensors_of(target: "torch.nn.Module | Mapping[str, torch.Tensor]") -> Mapping[str, "torch.Tensor"]:
    """Return name -> tensor: of a module its parameters and buffers, each under all of its names."""
    import torch

    if not isinstance(target, torch.nn.Module):
        return target
    buffers = dict(target.named_buffers(remove_duplicate=False))
    return {**buffers, **dict(target.named_parameters(remove_duplicate=False))}


def check_names(names: Iterable[str], known: Iterable[str]) -> None:
    """Check that each name of a mask is known.

    >>> check_names(["0.weight"], ["0.weight", "0.bias"])

    Raises:
        BadTensor: one is not; where a prefix makes the difference, the message says which and what to write.
    """
    asked, known = list(names), set(known)
    absent = next((name for name in asked if name not in known), None)
    if absent is None:
        return
    says = f'the mask names "{absent}", and there is no such tensor'
    for name in known:
        prefix = name.removesuffix(absent)
        if name.endswith(f".{absent}") and all(prefix + each in known for each in asked):
            raise BadTensor(
                f'{says}, but "{name}": names there have the prefix "{prefix}". Use masks.with_prefix("{prefix}").'
            )
    for name in known:
        prefix = absent.removesuffix(name)
        if absent.endswith(f".{name}") and all(
            each[len(prefix) :] in known for each in asked if each[: len(prefix)] == prefix
        ):
            raise BadTensor(
                f'{says}, but "{name}": the names of the mask have the prefix "{prefix}". Use '
                f'masks.without_prefix("{prefix}").'
            )
    wrappers = ", ".join(f"{each}." for each in _WRAPPERS)
    for name in known:
        if without_parts(name, _WRAPPERS) == without_parts(absent, _WRAPPERS):
            raise BadTensor(
                f'{says}, but "{name}": a wrapper puts a prefix into one of them ({wrappers}). Use the '
                "module that is wrapped, for both."
            )
    raise BadTensor(f"{says}. Was it made for another model?")
