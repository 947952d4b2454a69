"""Leads the calibration samples through the blocks one at a time, and sums up what each linear layer reads."""

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
from torch import nn

from pruneproof.api import BadConfig, BadTensor
from pruneproof_wanda.layers import Layer

Batch: TypeAlias = torch.Tensor | Sequence[Any] | Mapping[str, Any]
"""What the model is called with: one tensor, positional arguments, or keyword arguments."""


@contextmanager
def looking(model: nn.Module) -> Iterator[None]:
    """Set evaluation mode, without gradients, and put modes and random generators back at the end."""
    modes = [(part, part.training) for part in model.modules()]
    try:
        model.eval()
        with torch.random.fork_rng(devices=list(range(torch.cuda.device_count()))), torch.no_grad():
            yield
    finally:
        for part, mode in modes:
            part.training = mode


@dataclass
class _Call:
    """What a block was called with besides the hidden states: masks, position embeddings and the like."""

    args: tuple[Any, ...]
    options: dict[str, Any]
    keyword: str | None
    """The name under which the hidden states came; None where they came first."""

    def repeat(self, block: nn.Module, hidden: torch.Tensor) -> torch.Tensor:
        if self.keyword is None:
            return _hidden(block(hidden, *self.args, **self.options))
        return _hidden(block(*self.args, **{self.keyword: hidden}, **self.options))


@dataclass
class Stream:
    """The calibration samples on their way: the hidden states that the next block reads, batch by batch."""

    hidden: list[torch.Tensor]
    calls: dict[str, list[_Call]]
    """Block -> its call in each batch."""

    @classmethod
    def start(cls, model: nn.Module, blocks: Mapping[str, nn.Module], batches: Iterable[Batch]) -> "Stream":
        """Run the model on each batch and note with what its blocks are called.

        Raises:
            BadConfig: no batch, or blocks that do not run once each, in order, each on what the last one returned.
            BadTensor: hidden states that hold NaN or infinity.
        """
        if isinstance(batches, torch.Tensor | Mapping | str):
            raise BadConfig(
                f"the calibration is one {type(batches).__name__}: a list of batches was expected. Put it in brackets."
            )
        stream = cls([], {name: [] for name in blocks})
        watch = _Watch(stream)
        handles = [
            handle
            for name, block in blocks.items()
            for handle in (
                block.register_forward_pre_hook(watch.before(name), with_kwargs=True),
                block.register_forward_hook(watch.after(name)),
            )
        ]
        try:
            for batch in batches:
                watch.ran = []
                _run(model, batch)
                watch.end(list(blocks))
        finally:
            for handle in handles:
                handle.remove()
        if not stream.hidden:
            raise BadConfig("no calibration batch was given: at least one is needed.")
        return stream

    def grams(self, name: str, block: nn.Module, layers: Sequence[Layer]) -> dict[str, torch.Tensor]:
        """Return layer -> XᵀX of its inputs over all samples, (inputs, inputs), float64.

        Raises:
            BadConfig: a layer that the block did not call.
            BadTensor: inputs that hold NaN or infinity.
        """
        sums: dict[str, torch.Tensor] = {}

        def listener(layer: Layer) -> Any:
            def listen(_: nn.Module, args: tuple[Any, ...], options: dict[str, Any]) -> None:
                inputs = next(iter((*args, *options.values()))).detach().reshape(-1, layer.inputs).double()
                if layer.name in sums:
                    sums[layer.name].addmm_(inputs.T, inputs)
                else:
                    sums[layer.name] = inputs.T @ inputs

            return listen

        handles = [layer.module.register_forward_pre_hook(listener(layer), with_kwargs=True) for layer in layers]
        try:
            for call, hidden in zip(self.calls[name], self.hidden, strict=True):
                call.repeat(block, hidden)
        finally:
            for handle in handles:
                handle.remove()
        for layer in layers:
            if layer.name not in sums:
                raise BadConfig(
                    f'"{layer.name}" was never called on the calibration samples, so there is nothing to prune it by. '
                    "Name it in `unprunable`, or calibrate on samples that reach it."
                )
            if not sums[layer.name].isfinite().all():
                raise BadTensor(f'the inputs of "{layer.name}" hold NaN or infinity.')
        return sums

    def advance(self, name: str, block: nn.Module) -> None:
        """Lead all samples through the block."""
        for index, call in enumerate(self.calls[name]):
            self.hidden[index] = call.repeat(block, self.hidden[index])


@dataclass
class _Watch:
    """Writes down the calls of one run of the model after the other, and refuses blocks that form no chain."""

    stream: Stream
    ran: list[str] = field(default_factory=list)
    last: torch.Tensor | None = None

    def before(self, name: str) -> Any:
        def listen(_: nn.Module, args: tuple[Any, ...], options: dict[str, Any]) -> None:
            keyword = None if args else "hidden_states"
            hidden = args[0] if args else options.get("hidden_states")
            if not isinstance(hidden, torch.Tensor) or (self.ran and hidden is not self.last):
                raise BadConfig(
                    f'the block "{name}" does not read what the block before it returned, so the blocks cannot be '
                    "pruned one after the other. Name another list of blocks."
                )
            if options.get("past_key_values") is not None:
                raise BadConfig(f'the block "{name}" was given a cache. Calibrate with use_cache=False.')
            if not self.ran:
                self.stream.hidden.append(hidden)
            self.ran.append(name)
            others = {key: value for key, value in options.items() if key != keyword}
            self.stream.calls[name].append(_Call(args[1:], others, keyword))

        return listen

    def after(self, name: str) -> Any:
        def listen(_: nn.Module, __: tuple[Any, ...], output: Any) -> None:
            self.last = _hidden(output)
            if not self.last.isfinite().all():
                raise BadTensor(f'the block "{name}" returned NaN or infinity on the calibration samples.')

        return listen

    def end(self, blocks: list[str]) -> None:
        self.last = None
        if self.ran != blocks:
            raise BadConfig(
                f"the blocks ran in the order {', '.join(self.ran) or '(none)'}; each once, as in {', '.join(blocks)}, "
                "was expected."
            )


def _run(model: nn.Module, batch: Batch) -> None:
    # A cache would be filled once more whenever a block is called again.
    cached = "use_cache" in inspect.signature(model.forward).parameters
    options: dict[str, Any] = {"use_cache": False} if cached else {}
    if isinstance(batch, torch.Tensor):
        model(batch, **options)
    elif isinstance(batch, Mapping):
        model(**options | {str(name): value for name, value in batch.items()})
    elif isinstance(batch, Sequence) and not isinstance(batch, str):
        model(*batch, **options)
    else:
        raise BadConfig(
            f"a calibration batch is {type(batch).__name__}: a tensor, a sequence of positional arguments of the model "
            "or a mapping of keyword arguments was expected."
        )


def _hidden(output: Any) -> torch.Tensor:
    """Return the hidden states among what a block returned."""
    hidden = output[0] if isinstance(output, tuple) else output
    if not isinstance(hidden, torch.Tensor):
        raise BadConfig(
            f"a block returned {type(hidden).__name__}: a tensor, or a tuple that starts with one, was expected."
        )
    return hidden
