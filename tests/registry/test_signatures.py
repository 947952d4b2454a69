"""Whatever is wrong with a registered value is refused before anything runs, with file and line."""

import pytest

from pruneproof.errors import BadPlugin
from pruneproof.registry.catalog import KINDS, build_catalog
from pruneproof.registry.signatures import SIGNATURES

HEAD = """
import torch
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from pruneproof.api import *
from pruneproof.api import hookimpl

S = Source("A. Stranger", 2021, "Strange things")
"""


def plugin(hook, value, function):
    return f"{HEAD}\n{function}\n\n@hookimpl\ndef {hook}():\n    return [{value}]\n"


GOOD = {
    "criterion": [
        ("Criterion('x', f, S)", "def f(weights, grads): ..."),
        ("Criterion('x', f, S)", "def f(weights: Tensors, *, power: float = 1) -> Tensors: ..."),
        ("Criterion('x', f, S)", "def f(grads: 'dict[str, torch.Tensor]', rng: torch.Generator) -> dict: ..."),
        ("Criterion('x', f, S)", "def f(weights: 'NowhereToBeFound', probe: Probe) -> 'NowhereToBeFound': ..."),
        ("Criterion('x', f, S)", "def f(weights: Tensors | None, alive: Any) -> Mapping[str, torch.Tensor]: ..."),
    ],
    "allocation": [("Allocation('x', f, S)", "def f(weights: Mapping, keep: int, *, first=1) -> dict[str, int]: ...")],
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


def test_every_kind_has_a_signature():
    assert set(SIGNATURES) == set(KINDS) == set(GOOD) == set(BAD)


@pytest.mark.parametrize(("kind", "value", "function"), cases(GOOD))
def test_a_value_of_the_right_form_is_registered(install, kind, value, function):
    install("stranger", plugin(KINDS[kind][0], value, function))
    assert build_catalog(["stranger"]).entry(kind, "x").plugin.name == "stranger"


@pytest.mark.parametrize(("kind", "value", "function", "named"), cases(BAD))
def test_a_value_of_the_wrong_form_is_refused_with_plugin_kind_and_place(install, kind, value, function, named):
    file = install("stranger", plugin(KINDS[kind][0], value, function))
    with pytest.raises(BadPlugin) as caught:
        build_catalog(["stranger"])
    message = str(caught.value)
    assert named in message
    assert f'{kind} "x"' in message
    assert str(file) in message or function == "f = 3"
