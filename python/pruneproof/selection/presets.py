"""Historic counting and tie rules by name: what published codes do when told to remove a fraction of the weights.

Each rule is restated here from the behaviour of its code, odd cases included. A rule sees all candidates together, in
the order of the mapping, and returns which survive; how many is the rule's own affair and need not be exact.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pruneproof import _engine
from pruneproof.api import Selection, Source
from pruneproof.errors import BadConfig, InfeasibleSelection, UnknownName

Scores = Mapping[str, NDArray[Any]]
Kept = dict[str, NDArray[np.bool_]]


@dataclass(frozen=True)
class Preset:
    """A published code's rule: `masks(scores, sparsity)` takes name -> flat scores and returns name -> alive flags."""

    id: str
    masks: Callable[[Scores, float], Kept]
    source: Source
    about: str
    """How it counts and what happens to ties, in one or two sentences."""


def open_lth(scores: Scores, sparsity: float) -> Kept:
    """Remove n = ceil(sparsity · N) weights and one more: what is at most the score at index n of the ascending order.

    >>> {name: flags.tolist() for name, flags in open_lth({"w": np.arange(10.0)}, 0.5).items()}
    {'w': [False, False, False, False, False, False, True, True, True, True]}

    Raises:
        InfeasibleSelection: index n lies beyond the last score, where the code would raise an IndexError.
    """
    ascending = np.sort(_pool(scores))
    n = math.ceil(sparsity * ascending.size)
    if n >= ascending.size:
        raise InfeasibleSelection(
            f'preset "open-lth" takes its threshold at index {n} of {ascending.size} scores, which does not exist. '
            "Lower the sparsity."
        )
    return {name: array > ascending[n] for name, array in scores.items()}


def synflow(scores: Scores, sparsity: float) -> Kept:
    """Remove what is at most the k-th smallest score, k = int((1 - density) · N); all ties with it die.

    The code takes the density, so k goes through 1 - (1 - sparsity) in floating point: 0.2 of 1000 gives k = 199.

    >>> {name: flags.tolist() for name, flags in synflow({"w": np.array([1.0, 1.0, 2.0, 3.0])}, 0.25).items()}
    {'w': [False, False, True, True]}
    """
    ascending = np.sort(_pool(scores))
    k = int((1.0 - (1.0 - sparsity)) * ascending.size)
    if k < 1:
        return {name: np.ones(array.shape, dtype=np.bool_) for name, array in scores.items()}
    return {name: array > ascending[k - 1] for name, array in scores.items()}


def shrinkbench(scores: Scores, sparsity: float) -> Kept:
    """Remove scores strictly between -t and t, where t is numpy's linear quantile of the scores at `sparsity`.

    Ties with t live. The code also leaves the classifier out of the pool, which here is `Selection.unprunable`.

    >>> {name: flags.tolist() for name, flags in shrinkbench({"w": np.array([1.0, 1.0, 1.0, 3.0])}, 0.5).items()}
    {'w': [True, True, True, True]}
    """
    threshold = np.quantile(_pool(scores), 1.0 - (1.0 - sparsity))
    return {name: (array >= threshold) | (array <= -threshold) for name, array in scores.items()}


def global_mp_released(scores: Scores, sparsity: float, *, stray: float | None = None) -> Kept:
    """Keep what is at least the k-th smallest score, k = max(1, int(sparsity · M)); k - 1 weights die, ties live.

    In the code the scores follow one uninitialised scalar, so M = N + 1 and the count changes by one or two with what
    memory held. Here the scalar is left out (M = N) unless `stray` gives its value.

    >>> {name: flags.tolist() for name, flags in global_mp_released({"w": np.arange(4.0)}, 0.5).items()}
    {'w': [False, True, True, True]}
    """
    pool = _pool(scores)
    pool = pool if stray is None else np.append(pool, np.asarray(stray, dtype=pool.dtype))
    k = max(1, int(sparsity * pool.size))
    return {name: at_least_kth(array, pool, k) for name, array in scores.items()}


def at_least_kth(scores: NDArray[Any], pool: NDArray[Any], k: int) -> NDArray[np.bool_]:
    """Return which `scores` are at least the k-th smallest of `pool`, k counted from 1."""
    kept: NDArray[np.bool_] = scores >= np.partition(pool, k - 1)[k - 1]
    return kept


def torch_prune(scores: Scores, sparsity: float) -> Kept:
    """Remove exactly round(sparsity · N) weights, halves to even, as `torch.nn.utils.prune.global_unstructured` does.

    torch leaves open which of equal scores its top-k returns; here the first ones, in the order of the mapping, die.

    >>> {name: flags.tolist() for name, flags in torch_prune({"w": np.array([1.0, 1.0, 1.0, 3.0])}, 0.5).items()}
    {'w': [False, False, True, True]}
    """
    pool = _pool(scores)
    alive = np.ones(pool.shape, dtype=np.bool_)
    alive[np.argsort(pool, kind="stable")[: round(sparsity * pool.size)]] = False
    return _split(alive, scores)


def jaxpruner_normalised(scores: Scores, sparsity: float) -> Kept:
    """Divide each tensor by its L2 norm plus 1e-8, then keep exactly max(1, round((1 - sparsity) · N)), halves to even.

    Ties break by name and lowest index. Computed in float64; the code computes in the dtype of the scores.

    >>> scores = {"a": np.full(2, 1.0), "b": np.full(4, 5.0)}
    >>> {name: flags.tolist() for name, flags in jaxpruner_normalised(scores, 0.5).items()}
    {'a': [True, True], 'b': [True, False, False, False]}
    """
    size = sum(array.size for array in scores.values())
    keep = max(1, round(size * (1.0 - sparsity))) if sparsity else size
    wide = {name: array.astype(np.float64) for name, array in scores.items()}
    normalised = {name: array / (math.sqrt(np.square(array).sum()) + 1e-8) for name, array in wide.items()}
    bits = _engine.select(normalised, keep, dtype="float64")[0]
    return {
        name: np.unpackbits(bits[name], count=array.size, bitorder="little").view(np.bool_)
        for name, array in scores.items()
    }


def _pool(scores: Scores) -> NDArray[Any]:
    return np.concatenate(list(scores.values()))


def _split(flags: NDArray[np.bool_], scores: Scores) -> Kept:
    ends = np.cumsum([array.size for array in scores.values()])
    return dict(zip(scores, np.split(flags, ends[:-1]), strict=True))


PRESETS: tuple[Preset, ...] = (
    Preset(
        id="open-lth",
        masks=open_lth,
        source=Source(
            "Frankle, Carbin", 2019, "The Lottery Ticket Hypothesis", "1803.03635", "code: open_lth, sparse_global"
        ),
        about="Removes ceil(p N) + 1 weights; everything tied with the threshold dies.",
    ),
    Preset(
        id="synflow",
        masks=synflow,
        source=Source(
            "Tanaka, Kunin, Yamins, Ganguli",
            2020,
            "Pruning neural networks without any data by iteratively conserving synaptic flow",
            "2006.05467",
            "code: Synaptic-Flow, Pruners",
        ),
        about="Removes int((1 - density) N) weights in floating point; everything tied with the threshold dies.",
    ),
    Preset(
        id="shrinkbench",
        masks=shrinkbench,
        source=Source(
            "Blalock, Gonzalez Ortiz, Frankle, Guttag",
            2020,
            "What is the State of Neural Network Pruning?",
            "2003.03033",
            "code: shrinkbench, strategies",
        ),
        about="Threshold by numpy's interpolating quantile; everything tied with it lives.",
    ),
    Preset(
        id="global-mp-released",
        masks=global_mp_released,
        source=Source(
            "Gupta, Camci, Keneta, Vaidyanathan, Kanodia, Foo, Min, Jie",
            2022,
            "Is Complexity Required for Neural Network Pruning? A Case Study on Global Magnitude Pruning",
            "2209.14624",
            "code: GlobalMP, prune.py",
        ),
        about="Keeps scores >= the int(p N)-th smallest: one fewer than asked dies, ties live.",
    ),
    Preset(
        id="torch-prune",
        masks=torch_prune,
        source=Source("Paganini, Forde", 2020, "Streamlining Tensor and Network Pruning in PyTorch", "2004.13770"),
        about="Removes exactly round(p N) weights.",
    ),
    Preset(
        id="jaxpruner-normalised",
        masks=jaxpruner_normalised,
        source=Source(
            "Lee et al.",
            2023,
            "JaxPruner: A concise library for sparsity research",
            "2304.14082",
            "code: jaxpruner, global_pruners",
        ),
        about="Divides each tensor's scores by their L2 norm, then keeps an exact count by (score, name, index).",
    ),
)
"""The built-in historic rules."""


def check_rule(selection: Selection, *, joined: bool) -> None:
    """Check that a published code's rule goes with scope and floor, and, if `joined`, with a mask so far.

    Raises:
        UnknownName: the preset is not known.
        BadConfig: it does not.
    """
    known = ["exact", *(preset.id for preset in PRESETS)]
    if selection.preset not in known:
        raise UnknownName.among("preset", selection.preset, known)
    released = selection.floor_mode == "released"
    label = 'floor_mode "released"' if released else f'preset "{selection.preset}"'
    if selection.scope != "global":
        raise BadConfig(f'{label} ranks all tensors together; it cannot be joined with scope "{selection.scope}".')
    if selection.floor and not released:
        raise BadConfig(f'{label} has no floors. Use the preset "exact" for a floor of {selection.floor}.')
    if released and selection.preset not in ("exact", "global-mp-released"):
        raise BadConfig(f'{label} brings the rule "global-mp-released"; it cannot be joined with "{selection.preset}".')
    if released and joined:
        raise BadConfig(f"{label} is a one-shot rule for dense networks; it cannot continue from a mask.")
