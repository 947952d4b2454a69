"""Measure `pruneproof.select` and `MaskSet.apply_` against plain passes over the same memory, and against other tools.

    python benches/selection.py             all, the other tools on 25.6 million weights
    python benches/selection.py --all       the other tools on 138 million weights as well, of which one takes minutes

Every answer is held against NumPy before it is timed. docs/benchmarks.md says what each row is.
"""

import argparse
import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from statistics import median, quantiles
from typing import Any

# Else torch's threads spin for some milliseconds after their work, and whatever runs next is short of a core.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
from cases import RESNET50, SPARSITIES, VGG16, Case, cliffs, resnet50, small, vgg16
from memory import extra_bytes
from passes import THREADS, beside, changes, fastest, reads
from peers import PEERS
from publish import RECORDS, publish

from pruneproof import _engine, select

Row = dict[str, Any]
PEERS_AT = 0.9
SECONDS = 5
CLIFF = 3.0
CALL_US = 100.0
ONE_MILLION_US = 500.0


def against_reading(case: Case, target: float) -> Row:
    """Time a selection at each sparsity, from tensors to masks, by turns with reading the memory once."""
    tensors = case.tensors()
    for sparsity in SPARSITIES:
        case.check_masks(sparsity, select(tensors, sparsity=sparsity, score=case.score))
    runs = {str(each): partial(select, tensors, sparsity=each, score=case.score) for each in SPARSITIES}
    readings, times, found = beside(reads(case.memory), runs, seconds=SECONDS)
    ratios = {name: median(each) for name, each in found.items()}
    return {
        "input": case.name,
        "weights": case.size,
        "dtype": case.dtype,
        "reads_ms": {name: 1e3 * seconds for name, seconds in readings.items()},
        "select_ms": {name: 1e3 * median(each) for name, each in times.items()},
        "ratios": ratios,
        "quartiles": {name: quantiles(each, n=4)[::2] for name, each in found.items()},
        "target": target,
        "met": max(ratios.values()) <= target,
    }


def memory(name: str, make: Callable[[], Case], weights: int) -> Row:
    """Measure the memory that a selection takes: at most its packed mask and a twentieth of the scores."""
    extra, allowed = extra_bytes(make, PEERS_AT), weights / 8 + 4 * weights / 20
    return {
        "input": name,
        "scores_mb": 4 * weights / 1e6,
        "extra_mb": None if extra is None else extra / 1e6,
        "target_mb": allowed / 1e6,
        "met": None if extra is None else extra <= allowed,
    }


def against_peers(case: Case) -> Iterator[Row]:
    """Time a selection by turns with the same selection by other means."""
    tensors, keep = case.tensors(), case.keep(PEERS_AT)
    for peer in PEERS:
        case.check(PEERS_AT, peer.select(tensors, keep), ties=peer.ties)
        ours, theirs = "select", peer.name
        runs = {ours: partial(select, tensors, keep=keep), theirs: partial(peer.select, tensors, keep)}
        least = fastest(runs, seconds=0, rounds=peer.repeats)
        least[ours] = min(least[ours], fastest({ours: runs[ours]}, seconds=0.5)[ours])
        times = least[theirs] / least[ours]
        yield {
            "peer": peer.name,
            "weights": case.size,
            "sparsity": PEERS_AT,
            "peer_ms": 1e3 * least[theirs],
            "select_ms": 1e3 * least[ours],
            "times": times,
            "target": peer.target,
            "met": None if peer.target is None else times >= peer.target,
        }


def call(case: Case) -> Row:
    """Time a short call, by turns with the engine's part of it."""
    tensors, keep = case.tensors(), case.keep(PEERS_AT)
    case.check_masks(PEERS_AT, select(tensors, keep=keep))
    engine = partial(_engine.select, tensors, keep, dtype="float32", measure="magnitude")
    least = fastest({"call": partial(select, tensors, keep=keep), "engine": engine}, seconds=2, rounds=100)
    whole, beyond = 1e6 * least["call"], 1e6 * (least["call"] - least["engine"])
    large = case.size >= 1_000_000
    return {
        "input": case.name,
        "call_us": whole,
        "engine_us": 1e6 * least["engine"],
        "beyond_us": beyond,
        "bounded": "call" if large else "beyond it",
        "target_us": ONE_MILLION_US if large else CALL_US,
        "met": whole <= ONE_MILLION_US if large else beyond <= CALL_US,
    }


def applying(dtype: torch.dtype) -> Row:
    """Time a mask applied in place, by turns with changing the memory once."""
    weights = torch.randn(RESNET50, generator=torch.Generator().manual_seed(0)).to(dtype)
    masks = select({"w": weights}, sparsity=PEERS_AT)
    expected = torch.where(masks["w"], weights, torch.zeros((), dtype=dtype))
    masks.apply_({"w": weights})
    assert torch.equal(weights, expected)
    least = fastest(changes(weights.clone()) | {"apply": partial(masks.apply_, {"w": weights})}, seconds=3)
    change = min(seconds for name, seconds in least.items() if name != "apply")
    return {
        "dtype": str(dtype).removeprefix("torch."),
        "weights": RESNET50,
        "changes_ms": {name: 1e3 * seconds for name, seconds in least.items() if name != "apply"},
        "apply_ms": 1e3 * least["apply"],
        "ratio": least["apply"] / change,
        "met": None,
    }


def measure(show: Callable[[str, list[Row]], None], *, everything: bool) -> dict[str, list[Row]]:
    """Measure everything, and show each table when it is whole."""
    tables: dict[str, list[Row]] = {}

    def add(name: str, rows: Iterable[Row]) -> None:
        tables[name] = list(rows)
        show(name, tables[name])

    def whole_networks() -> Iterator[Row]:
        yield against_reading(vgg16(), target=1.4)
        yield against_reading(resnet50(), target=1.7)

    def other_tools() -> Iterator[Row]:
        yield from against_peers(resnet50())
        if everything:
            yield from against_peers(vgg16())

    add("networks", whole_networks())
    add("cliffs", (against_reading(case, CLIFF) for size in (RESNET50, VGG16) for case in cliffs(size)))
    add("memory", (memory("VGG-16", vgg16, VGG16), memory("ResNet-50's size", resnet50, RESNET50)))
    add("calls", map(call, small()))
    add("masks", map(applying, (torch.float32, torch.float16, torch.bfloat16)))
    add("peers", other_tools())
    return tables


def main() -> None:
    """Print the tables, and write a record where one is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--all", action="store_true", help="the other tools on 138 million weights as well")
    parser.add_argument("--record", action="store_true", help=f"write {RECORDS.name}/<machine>-<date>.json")
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    publish(partial(measure, everything=arguments.all), threads=f"{THREADS} threads", record=arguments.record)


if __name__ == "__main__":
    main()
