"""Finds the blocks of a transformer and the linear layers in them, in any module that keeps its blocks in a list."""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from torch import nn

from pruneproof.api import BadConfig, BadTensor, UnknownName

DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


@dataclass(frozen=True)
class Layer:
    """A linear layer, whichever way round it stores its weight."""

    name: str
    """State-dict name of the weight."""
    module: nn.Module
    transposed: bool
    """Stored as (inputs, outputs), as `Conv1D` of Hugging Face's GPT-2 does."""

    @property
    def weight(self) -> torch.Tensor:
        """The weight as it is stored, without its history."""
        return self.module.get_parameter("weight").detach()

    def matrix(self) -> torch.Tensor:
        """Return a float64 copy of the weight as (outputs, inputs)."""
        return self.turned(self.weight).double().clone(memory_format=torch.contiguous_format)

    def write(self, matrix: torch.Tensor) -> None:
        """Overwrite the weight with an (outputs, inputs) matrix."""
        self.weight.copy_(self.turned(matrix))

    def turned(self, matrix: torch.Tensor) -> torch.Tensor:
        """Turn a matrix from the stored way round into (outputs, inputs), or back."""
        return matrix.T if self.transposed else matrix

    @property
    def inputs(self) -> int:
        """Number of input features."""
        return self.weight.shape[0 if self.transposed else 1]


def find_blocks(model: nn.Module, name: str | None) -> dict[str, nn.Module]:
    """Return name -> block, in the order in which they run.

    Args:
        model: searched for a `ModuleList` of modules of one class, outside of any other `ModuleList`.
        name: of the list (or `Sequential`), such as `model.layers`; None where there is only one.

    Raises:
        BadConfig: no such list, or more than one.
        UnknownName: the model has no module of this name, or it is no list.
    """
    if name is not None:
        lists = {
            each: part
            for each, part in model.named_modules()
            if isinstance(part, nn.ModuleList | nn.Sequential) and each
        }
        if name not in lists:
            raise UnknownName.among("list of blocks", name, lists)
        return {f"{name}.{index}": block for index, block in lists[name].named_children()}
    found = _uniform_lists(model)
    if len(found) != 1:
        what = f"{len(found)} lists of blocks: {', '.join(found)}" if found else "no list of blocks"
        raise BadConfig(
            f'{type(model).__name__} has {what}. Name one, as in blocks="model.layers"; where one stack feeds another '
            "(encoder and decoder), prune them one after the other."
        )
    [(name, blocks)] = found.items()
    return {f"{name}.{index}": block for index, block in blocks.named_children()}


def find_layers(
    model: nn.Module, blocks: dict[str, nn.Module], unprunable: Sequence[str] = ()
) -> dict[str, list[Layer]]:
    """Return block -> its linear layers (`nn.Linear`, and `Conv1D` of Hugging Face) without the unprunable ones.

    Raises:
        BadConfig: no layer is left, or a pattern matches none.
        BadTensor: a weight that is used twice, is computed, or is of another dtype.
    """
    patterns = (unprunable,) if isinstance(unprunable, str) else unprunable
    layers = {block: _linear_layers(block, module) for block, module in blocks.items()}
    names = [layer.name for each in layers.values() for layer in each]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise BadConfig(f'the unprunable pattern "{pattern}" matches none of {", ".join(names)}.')
    chosen = {
        block: [layer for layer in each if not any(fnmatchcase(layer.name, pattern) for pattern in patterns)]
        for block, each in layers.items()
    }
    if not any(chosen.values()):
        raise BadConfig(f"the blocks {', '.join(blocks) or '(none)'} hold no linear layer that may be pruned.")
    uses = Counter(id(parameter) for _, parameter in model.named_parameters(remove_duplicate=False))
    for each in chosen.values():
        for layer in each:
            _check(layer, uses)
    return chosen


def _uniform_lists(model: nn.Module) -> dict[str, nn.ModuleList]:
    """Return the outermost lists of modules of one class, each of which holds a linear layer."""
    lists = {name: part for name, part in model.named_modules() if isinstance(part, nn.ModuleList)}
    return {
        name: part
        for name, part in lists.items()
        if not any(name != other and name.startswith(f"{other}.") for other in lists)
        and len({type(block) for block in part}) == 1
        and all(_linear_layers("", block) for block in part)
    }


def _linear_layers(block: str, module: nn.Module) -> list[Layer]:
    layers: list[Layer] = []
    for name, part in module.named_modules(prefix=block):
        transposed = _is_conv1d(part)
        if transposed or isinstance(part, nn.Linear):
            layers.append(Layer(f"{name}.weight", part, transposed))
    return layers


def _is_conv1d(module: nn.Module) -> bool:
    """Say whether this is Hugging Face's transposed linear layer, which no model has unless the library is loaded."""
    library = sys.modules.get("transformers.pytorch_utils")
    return library is not None and isinstance(module, library.Conv1D)


def _check(layer: Layer, uses: Counter[int]) -> None:
    weight = dict(layer.module.named_parameters(recurse=False)).get("weight")
    if weight is None:
        raise BadTensor(f'"{layer.name}" is computed, not a parameter. Remove its parametrization first.')
    if weight.dtype not in DTYPES:
        raise BadTensor(
            f'"{layer.name}" is of dtype {weight.dtype}; float16, bfloat16, float32 or float64 was expected. Prune '
            "before quantizing."
        )
    if uses[id(weight)] > 1:
        raise BadTensor(
            f'"{layer.name}" is used in {uses[id(weight)]} places: pruning it here would change it there. Untie it, or '
            "name it in `unprunable`."
        )
