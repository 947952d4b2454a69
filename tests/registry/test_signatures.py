"""Whatever is wrong with a registered value is refused before anything runs, with file and line."""

import pytest

from pruneproof.errors import BadPlugin
from pruneproof.registry.catalog import build_catalog
from pruneproof.registry.kinds import BY_NOUN

HEAD = """
import torch
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from pruneproof.api import *
from pruneproof.api import hookimpl

S = Source("A. Stranger", 2021, "Strange things")

def gate(variables: Tensors, sparsity: float, progress: float, rng: torch.Generator, *, scale=1.0) -> Tensors: ...
def export(variables, sparsity): ...
def penalty(variables, sparsity, progress): ...
"""


def plugin(hook, value, function):
    return f"{HEAD}\n{function}\n\n@hookimpl\ndef {hook}():\n    return [{value}]\n"


SEARCH = "MaskSearch('x', f, gate, export, S, 'top-k')"
START = "def f(weights, rng): ..."
GOOD = {
    "criterion": [
        ("Criterion('x', f, S)", "def f(weights, grads): ..."),
        ("Criterion('x', f, S)", "def f(weights: Tensors, *, power: float = 1) -> Tensors: ..."),
        ("Criterion('x', f, S)", "def f(grads: 'dict[str, torch.Tensor]', rng: torch.Generator) -> dict: ..."),
        ("Criterion('x', f, S)", "def f(weights: 'NowhereToBeFound', probe: Probe) -> 'NowhereToBeFound': ..."),
        ("Criterion('x', f, S)", "def f(weights: Tensors | None, alive: Any) -> Mapping[str, torch.Tensor]: ..."),
    ],
    "allocation": [("Allocation('x', f, S)", "def f(weights: Mapping, keep: int, *, first=1) -> dict[str, int]: ...")],
    "structure": [
        ("Structure('x', f, S, 'one line')", "def f(shapes): ..."),
        (
            "Structure('x', f, S, 'one line')",
            "def f(module: torch.nn.Module, *, sides=(4, 4)) -> dict[str, Places]: ...",
        ),
    ],
    "floor": [
        ("Floor('x', f, S, 'one line')", "def f(sizes: Mapping[str, int], *, least: int = 1) -> dict[str, int]: ..."),
        ("Floor('x', f, S, 'one line', final=True)", "def f(scores, sparsity: float): ..."),
    ],
    "counting rule": [
        ("CountingRule('x', f, S, 'one line')", "def f(size: int, sparsity: float) -> int: ..."),
        ("CountingRule('x', f, S, 'one line')", "def f(scores, *, stray=None): ..."),
    ],
    "update": [
        ("Update('x', f, S, revives=True)", "def f(weights, alive, grads, rng, *, drop: float = 0.3) -> Tensors: ..."),
        ("Update('x', f, S, revives=False)", "def f(progress: float, step: int, alive): ..."),
    ],
    "mask search": [
        (SEARCH, "def f(weights: Tensors, rng: torch.Generator, *, scale=1.0) -> Tensors: ..."),
        (SEARCH.replace("'top-k'", "'top-k', penalty"), START),
    ],
    "transform": [
        ("Transform('x', f, S, 'one line')", "def f(weights, alive, state, fresh, rng) -> Transformed: ..."),
        ("Transform('x', f, S, 'one line')", "def f(scores: Tensors) -> Tensors: ..."),
    ],
    "regularizer": [
        ("Regularizer('x', f, S)", "def f(weights, alive, marked, start, *, scale: float = 1e-4) -> torch.Tensor: ..."),
        ("Regularizer('x', f, S)", "def f(parameters, step, progress): ..."),
    ],
    "learning-rate schedule": [
        ("LRSchedule('x', f, 'one line')", "def f(progress: float, epochs: float, *, at=()) -> float: ..."),
        ("LRSchedule('x', f, 'one line')", "def f(progress, epochs, inner): ..."),
    ],
    "metric": [
        ("Metric('x', f, 'one line')", "def f(network, data, alive): ..."),
        ("Metric('x', f, 'one line', source=S)", "def f(history, reference, *, share: float = 0.5) -> float: ..."),
    ],
    "figure": [
        ("Figure('x', f, 'one line')", "def f(table, canvas, *, x: str = 'steps') -> str: ..."),
    ],
    "schedule": [
        ("Schedule('x', f, S)", "def f(target, steps): ..."),
        ("Schedule('x', f, S)", "def f(target: float, steps: int, *, rate: float = 0.5) -> list[float]: ..."),
    ],
    "model": [("Model('x', f, S)", "def f(shape: tuple[int, ...], classes: int) -> torch.nn.Sequential: ...")],
    "data set": [("DataSet('x', f, S, 'MIT', 'one line')", "def f(root: Path): ...")],
    "claim test": [("ClaimTest('x', f, 'one line')", "def f(samples, *, margin) -> Outcome: ...")],
    "mechanism": [("Mechanism('x', f, 'one line')", "def f(*, left: int) -> list[Fact]: ...")],
    "executor": [("Executor('x', f, 'one line')", "def f(stages, spec, *, workers, on_event): ...")],
    "observer": [("Observer('x', f, 'one line')", "def f(run: RunInfo): ...")],
}
BAD = {
    "criterion": [
        ("Criterion('x', f, S)", "def f(weights, momentum): ...", '"momentum"'),
        ("Criterion('x', f, S)", "def f(*args): ...", "*args"),
        ("Criterion('x', f, S)", "def f(weights, **rest): ...", "rest"),
        ("Criterion('x', f, S)", "def f(weights, *, power): ...", '"power" without a default'),
        ("Criterion('x', f, 'Me, 2021')", "def f(weights): ...", "no source"),
        ("Criterion('x', f, S)", "def f(weights: torch.Tensor): ...", '"weights"'),
        ("Criterion('x', f, S)", "def f(weights: list): ...", '"list"'),
        ("Criterion('x', f, S)", "def f(weights, rng: int): ...", '"Generator" was expected'),
        ("Criterion('x', f, S)", "def f(weights) -> torch.Tensor: ...", "returns"),
        ("Criterion('x', f, S)", "def f(weights) -> None: ...", '"None"'),
        ("Criterion('x', f, S)", "def f(weights, *, power: int = 'two'): ...", "'two'"),
        ("Criterion('x', f, S)", "def f(weights, *, flag: int = True): ...", '"flag"'),
        ("Criterion('x', f, S)", "f = 3", "function"),
    ],
    "allocation": [
        ("Allocation('x', f, S)", "def f(weights): ...", "(weights, keep, *, options)"),
        ("Allocation('x', f, S)", "def f(keep, weights): ...", "(keep, weights)"),
        ("Allocation('x', f, S)", "def f(weights, keep: float): ...", '"int"'),
    ],
    "structure": [
        ("Structure('x', f, S, 'one line')", "def f(weights): ...", '"weights"'),
        ("Structure('x', f, S, 'one line')", "def f(shapes, *, sides): ...", '"sides" without a default'),
        ("Structure('x', f, S, 'one line')", "def f(shapes) -> list: ...", '"list"'),
        ("Structure('x', f, S, ' ')", "def f(shapes): ...", '"about"'),
    ],
    "floor": [
        ("Floor('x', f, S, 'one line')", "def f(sizes, keep): ...", '"keep"'),
        ("Floor('x', f, S, 'one line')", "def f(sizes) -> int: ...", '"int"'),
        ("Floor('x', f, None, 'one line')", "def f(sizes): ...", "no source"),
    ],
    "counting rule": [
        ("CountingRule('x', f, S, 'one line')", "def f(size, density): ...", '"density"'),
        ("CountingRule('x', f, S, 'one line')", "def f(size: float): ...", '"int"'),
        ("CountingRule('x', f, S, 'one line')", "def f(size) -> float: ...", '"float"'),
    ],
    "update": [
        ("Update('x', f, S, revives=True)", "def f(weights, gradient): ...", '"gradient"'),
        ("Update('x', f, S, revives=True)", "def f(alive) -> torch.Tensor: ...", "returns"),
        ("Update('x', f, S, revives=True, laws=frozenset({'data-free'}))", "def f(alive): ...", '"data-free"'),
    ],
    "mask search": [
        (SEARCH, "def f(weights): ...", "(weights, rng, *, options)"),
        (SEARCH, "def f(weights, rng) -> int: ...", '"int"'),
        (SEARCH.replace("gate, export", "lambda variables, rng: {}, export"), START, "(variables, sparsity, progress"),
        (SEARCH.replace("gate, export", "gate, lambda variables: {}"), START, "(variables, sparsity, *, options)"),
        (SEARCH.replace("gate, export", "gate, None"), START, "holds None"),
        (SEARCH.replace("S, 'top-k'", "None, 'top-k'"), START, "no source"),
    ],
    "transform": [
        ("Transform('x', f, S, 'one line')", "def f(grads): ...", '"grads"'),
        ("Transform('x', f, S, 'one line')", "def f(weights) -> torch.Tensor: ...", "returns"),
        ("Transform('x', f, S, '')", "def f(weights): ...", '"about"'),
    ],
    "regularizer": [
        ("Regularizer('x', f, S)", "def f(grads): ...", '"grads"'),
        ("Regularizer('x', f, S)", "def f(weights) -> float: ...", '"float"'),
        ("Regularizer('x', f, S)", "def f(weights, *, scale): ...", '"scale" without a default'),
    ],
    "learning-rate schedule": [
        ("LRSchedule('x', f, 'one line')", "def f(epoch): ...", "(progress, epochs, *, options)"),
        ("LRSchedule('x', f, 'one line')", "def f(progress, epochs, outer): ...", "outer"),
        ("LRSchedule('x', f, 'one line')", "def f(progress: int, epochs): ...", '"progress"'),
        ("LRSchedule('x', f, 'one line', 'Me, 2021')", "def f(progress, epochs): ...", "no source"),
    ],
    "metric": [
        ("Metric('x', f, 'one line')", "def f(model): ...", '"model"'),
        ("Metric('x', f, '')", "def f(network): ...", '"about"'),
        ("Metric('x', f, 'one line')", "def f(network, *, share): ...", '"share" without a default'),
    ],
    "figure": [
        ("Figure('x', f, 'one line')", "def f(table): ...", "(table, canvas, *, options)"),
        ("Figure('x', f, 'one line')", "def f(table, canvas, *, x): ...", '"x" without a default'),
        ("Figure('x', f, 'one line')", "def f(table, canvas) -> None: ...", '"None"'),
    ],
    "schedule": [
        ("Schedule('x', f, S)", "def f(target): ...", "(target, steps, *, options)"),
        ("Schedule('x', f, S)", "def f(sparsity, n): ...", "(sparsity, n)"),
        ("Schedule('x', f, S)", "def f(target, steps, rate=1.0): ...", "rate"),
        ("Schedule('x', f, S)", "def f(*targets): ...", "*targets"),
        ("Schedule('x', f, S)", "def f(target, steps) -> float: ...", '"float"'),
        ("Schedule('x', f, None)", "def f(target, steps): ...", "no source"),
    ],
    "model": [
        ("Model('x', f, S)", "def f(classes): ...", "(shape, classes, *, options)"),
        ("Model('x', f, S)", "def f(shape, classes) -> int: ...", '"Module" was expected'),
        ("Model('x', f, S)", "def f(shape: int, classes): ...", '"shape"'),
    ],
    "data set": [
        ("DataSet('x', f, S, 'MIT', 'one line')", "def f(): ...", "(root)"),
        ("DataSet('x', f, S, 'MIT', 'one line')", "def f(root, *, split='train'): ...", "split"),
    ],
    "claim test": [
        ("ClaimTest('x', f, 'one line')", "def f(a, b): ...", "(samples, *, options)"),
        ("ClaimTest('x', f, '')", "def f(samples): ...", '"about"'),
        ("ClaimTest('x', f, 'one line')", "def f(samples) -> bool: ...", '"Outcome" was expected'),
    ],
    "mechanism": [("Mechanism('x', f, 'one line')", "def f(model): ...", "(*, options)")],
    "executor": [("Executor('x', f, 'one line')", "def f(stages, spec): ...", "workers, on_event")],
    "observer": [("Observer('x', f, 'one line')", "def f(): ...", "(run)")],
}


def cases(table):
    return [(kind, *case) for kind, of_kind in table.items() for case in of_kind]


def test_every_kind_is_tried_here():
    assert set(BY_NOUN) == set(GOOD) == set(BAD)


@pytest.mark.parametrize(("kind", "value", "function"), cases(GOOD))
def test_a_value_of_the_right_form_is_registered(install, kind, value, function):
    install("stranger", plugin(BY_NOUN[kind].hook, value, function))
    assert build_catalog(["stranger"]).entry(BY_NOUN[kind].of, "x").plugin.name == "stranger"


@pytest.mark.parametrize(("kind", "value", "function", "named"), cases(BAD))
def test_a_value_of_the_wrong_form_is_refused_with_plugin_kind_and_place(install, kind, value, function, named):
    file = install("stranger", plugin(BY_NOUN[kind].hook, value, function))
    with pytest.raises(BadPlugin) as caught:
        build_catalog(["stranger"])
    message = str(caught.value)
    assert named in message
    assert f'{kind} "x"' in message
    assert str(file) in message or function == "f = 3"
