"""A record as a run of a paper leaves it: measurements of made-up networks, verdicts by the real tests."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from pruneproof.papers.record import Cell, ClaimRecord, FactRecord, PluginRecord, Record, StageRecord
from pruneproof.papers.schema import PaperInfo, Upstream
from pruneproof.papers.verdict import CLAIM_TESTS
from pruneproof.values.digests import digest_json
from pruneproof.values.measurements import Measurement

SPARSITIES = (0.8, 0.9, 0.95, 0.98, 0.99)
MLP = {"fc1.weight": 19200, "fc2.weight": 30000, "fc3.weight": 1000}
MOBILENET = {
    "conv1.weight": 216,
    **{
        f"blocks.{block}.{part}.weight": size * (block + 1)
        for block in range(6)
        for part, size in (("expand", 900), ("depthwise", 80), ("project", 700))
    },
    "head.weight": 12000,
    "linear.weight": 3200,
}
DROPS = {"global": 2.0, "uniform": 3.4, "erk": 2.2, "lamp": 1.9, "snip": 4.5, "random": 16.0, "gradual": 2.4}


def _densities(tensors: dict[str, int], sparsity: float, method: str, rng: np.random.Generator) -> dict[str, float]:
    share = np.array([1.0 if method in ("uniform", "floor") else 1 / (1 + place) for place in range(len(tensors))])
    found = np.clip(share * (1 - sparsity) / share.mean() * rng.uniform(0.9, 1.1, len(share)), 0, 1)
    if method == "global" and len(tensors) > 5:
        found[-4:] = 0.0
    return {name: round(float(density), 4) for name, density in zip(tensors, found, strict=True)}


def make_cells(run: str, tensors: dict[str, int], methods: Sequence[str], seeds: Sequence[int]) -> list[Cell]:
    cells = []
    weights = sum(tensors.values())
    for seed in seeds:
        rng = np.random.default_rng([seed, len(run)])
        top = 97.2 + rng.normal(0, 0.25)
        for method in ("dense", *methods):
            for sparsity in (0.0,) if method == "dense" else SPARSITIES[: 5 if run == "mlp" else 2]:
                density = _densities(tensors, sparsity, method, rng)
                density = dict.fromkeys(tensors, 1.0) if method == "dense" else density
                dead = 0.0 in density.values()
                drop = 0.0 if method == "dense" else DROPS.get(method, 3.0) * (0.05 / (1 - sparsity)) ** 0.9
                accuracy = 10.0 if dead else round(float(top - drop + rng.normal(0, 0.3 + 0.1 * drop)), 2)
                alive = round(sum(tensors[name] * each for name, each in density.items()))
                measurement = Measurement(
                    accuracy=accuracy,
                    accuracy_best=accuracy + 0.1,
                    accuracy_before=None if method == "dense" else 10.0,
                    loss=0.02,
                    diverged=method == "random" and sparsity == 0.99 and seed == 1,
                    weights=weights,
                    alive=alive,
                    macs_pruned=0.0 if method == "dense" else round(sparsity * 0.96, 4),
                    constant_output=dead,
                    epochs=30 if method == "dense" else 50,
                    densities=density,
                )
                label = digest_json([run, method, sparsity, seed])
                cells.append(
                    Cell(
                        run=run,
                        method=method,
                        sparsity=sparsity,
                        seed=seed,
                        stages=(label,),
                        measurement=measurement.to_json(),
                    )
                )
    return cells


def _samples(cells: Sequence[Cell], run: str, method: str, sparsity: float) -> list[float]:
    return [
        cell.measurement["accuracy"]
        for cell in cells
        if (cell.run, cell.method, cell.sparsity) == (run, method, sparsity)
    ]


def _rerun(
    cells: Sequence[Cell],
    name: str,
    text: str,
    test: str,
    operands: Sequence[tuple[str, str, float]],
    **parameters: Any,
) -> ClaimRecord:
    decide = {each.id: each.decide for each in CLAIM_TESTS}[test]
    outcome = decide([_samples(cells, *operand) for operand in operands], **parameters)
    return ClaimRecord(
        id=name,
        kind="re-run",
        text=text,
        where="not in the paper" if name == "r1" else "section 4.1, T2",
        strength="control" if name == "r1" else "stated",
        reported="67.68 ± 0.78" if name == "d1" else "",
        unit="points",
        test=test,
        verdict=outcome.verdict,
        reason=outcome.reason,
        value=outcome.value,
        low=outcome.low,
        high=outcome.high,
        level=outcome.level,
        n=outcome.n,
        seeds_needed=outcome.seeds_needed,
        operands=tuple(f"{run}/{method} accuracy at sparsity {sparsity:g}" for run, method, sparsity in operands),
        note="an MLP on 8x8 digits instead of WRN-28-8 on CIFAR-10" if name == "r2" else "",
    )


def _exact(name: str, kind: str, text: str, where: str, facts: Sequence[FactRecord], reported: str = "") -> ClaimRecord:
    false = [fact for fact in facts if not fact.holds]
    return ClaimRecord(
        id=name,
        kind=kind,
        text=text,
        where=where,
        strength="stated",
        reported=reported,
        unit="points",
        test="printed tables" if kind == "printed" else "layer-collapse",
        verdict="fails" if false else "holds",
        reason=(
            f"{len(false)} of {len(facts)} are false; first: {false[0].statement}: expected {false[0].expected}, "
            f"found {false[0].found}"
            if false
            else f"all {len(facts)} hold exactly"
        ),
        n=len(facts),
        facts=tuple(facts),
    )


def _fact(statement: str, expected: str, found: str, holds: bool) -> FactRecord:
    return FactRecord(statement=statement, expected=expected, found=found, holds=holds)


def make_claims(cells: Sequence[Cell]) -> tuple[ClaimRecord, ...]:
    best = [_fact("t2 top1, global-mp 90 >= best baseline 90", ">= 96.08", "96.3", True)]
    worse = [_fact("t2 top1, global-mp 97.5 >= best baseline 97.5", ">= 95.84", "95.68", False)]
    about = [_fact("t4 top1, gradual 95 >= best baseline 95 + 1.5", ">= 72.47", "72.14", False)]
    empty = [_fact(f"tensor {name} is empty at 98 %", "0 alive", "0 alive", True) for name in list(MOBILENET)[-9:]]
    never = ClaimRecord(
        id="r9",
        kind="re-run",
        text="On MobileNet-V1 at 90%, the Minimum Threshold improves over plain Global MP.",
        where="T5",
        strength="stated",
        reported="63.94 against 59.49",
        unit="points",
        test="paired-difference",
        verdict="not-run",
        reason="profile mini has no experiment for it; planned for: full",
    )
    return (
        _exact("p1", "printed", "On WRN-28-8, Global MP is at least as accurate as every baseline at 90%.", "T2", best),
        _exact(
            "p2", "printed", "On WRN-28-8, Global MP is at least as accurate as every baseline at 97.5%.", "T2", worse
        ),
        _exact(
            "p6",
            "printed",
            "On ResNet-50 at 95%, gradual beats the best baseline by about 2 points.",
            "T4",
            about,
            "about 2",
        ),
        _exact(
            "m6",
            "mechanism",
            "At initialisation, 98% empties the last layers of MobileNet-V2 <b>|</b>.",
            "sec. 3",
            empty,
        ),
        _rerun(
            cells,
            "r1",
            "Global magnitude is more accurate than uniform magnitude at 99%, with equal retraining.",
            "paired-difference",
            [("mlp", "global", 0.99), ("mlp", "uniform", 0.99)],
        ),
        _rerun(
            cells,
            "r2",
            "Global magnitude is as good as LAMP at 90%, within half a point.",
            "equivalence",
            [("mlp", "global", 0.9), ("mlp", "lamp", 0.9)],
            margin=0.5,
        ),
        _rerun(
            cells,
            "r3",
            "One-shot is more accurate than gradual at 80%.",
            "paired-difference",
            [("mlp", "global", 0.8), ("mlp", "gradual", 0.8)],
        ),
        _rerun(
            cells,
            "r4",
            "Without a floor, Global MP collapses on MobileNet-V2 with parameterised shortcuts.",
            "collapse",
            [("mobilenet", "global", 0.9)],
            expected=True,
            chance=10.0,
        ),
        _rerun(
            cells,
            "r5",
            "Accuracy of random pruning falls with sparsity.",
            "monotone-trend",
            [("mlp", "random", sparsity) for sparsity in SPARSITIES],
            direction="decreasing",
        ),
        _rerun(
            cells,
            "r6",
            "LAMP is below uniform at 99%.",
            "paired-difference",
            [("mlp", "lamp", 0.99), ("mlp", "uniform", 0.99)],
            relation="<",
        ),
        _rerun(
            cells,
            "d1",
            "Accuracy at 99% is the reported one, within 3 points.",
            "distance",
            [("mlp", "global", 0.99)],
            reported=67.68,
            tolerance=3.0,
        ),
        never,
    )


def make_record(**changes: Any) -> Record:
    seeds = tuple(range(8))
    cells = make_cells("mlp", MLP, tuple(DROPS), seeds) + make_cells(
        "mobilenet", MOBILENET, ("global", "floor"), seeds[:3]
    )
    plain: dict[str, Any] = {
        "paper": "global-mp",
        "arxiv": "2209.14624",
        "title": make_info().title,
        "profile": "mini",
        "scale": "small",
        "seeds": seeds,
        "plan": digest_json([cell.stages for cell in cells]),
        "created": "2026-11-21T09:00:00+00:00",
        "seconds": 283.4,
        "environment": {
            "python": "3.11.9",
            "system": "Linux x86_64",
            "processor": "Some CPU @ 2.5 GHz",
            "cores": 2,
            "memory_gib": None,
            "device": "cpu",
            "versions": {"pruneproof": "0.1.0", "torch": "2.9.0", "numpy": "2.3.1"},
            "engine": {"version": "0.1.0", "simd": "avx2"},
        },
        "data": {"digits": digest_json("digits")},
        "plugins": (PluginRecord(name="builtin", distribution="pruneproof", version="0.1.0"),),
        "stages": tuple(
            StageRecord(
                digest=cell.stages[-1],
                kind="train" if cell.method == "dense" else "prune",
                label=f"{cell.run}/{cell.method} {cell.sparsity:g} seed {cell.seed}",
                outputs={"measurement.json": digest_json(cell.measurement)},
                seconds=1.5,
            )
            for cell in cells
        ),
        "cells": tuple(cells),
        "claims": make_claims(cells),
    }
    return Record(**plain | changes)


def make_info() -> PaperInfo:
    return PaperInfo(
        id="global-mp",
        arxiv="2209.14624",
        title="Is Complexity Required for Neural Network Pruning? A Case Study on Global Magnitude Pruning",
        authors=("Manas Gupta", "Efe Camci", "Lin Jie"),
        year=2022,
        about="One magnitude threshold for the whole network is said to match methods that are far more complex.",
        versions="Tables were read from the LaTeX text of v1 or v2; of v3 only the abstract was read.",
        upstream=(
            Upstream(
                url="https://github.com/manasgupta-1/GlobalMP", commit="8dd53b7", license="MIT", note="One-shot only."
            ),
        ),
        caveats=("Baseline rows are copied from other papers.", "Verdicts here use the last epoch."),
    )


TABLES = {
    "t2": [
        {"row": "1", "method": "SNIP", "sparsity": "90", "top1": "95.49", "notes": "a | b"},
        {"row": "2", "method": "Global MP", "sparsity": "90", "top1": "96.30", "notes": "<script>alert(1)</script>"},
    ],
    "empty": [],
}
BIBTEX = "@misc{gupta2022globalmp,\n  title = {Is Complexity Required},\n  year = {2022}\n}\n"


@pytest.fixture(scope="session")
def record() -> Record:
    return make_record()


@pytest.fixture(scope="session")
def variant() -> Record:
    return make_record(variant=("mlp.retrain.lr=0.2",), claims=(), only=("mlp",))


@pytest.fixture(scope="session")
def info() -> PaperInfo:
    return make_info()


@pytest.fixture(scope="session")
def tables() -> dict[str, list[dict[str, str]]]:
    return TABLES


@pytest.fixture(scope="session")
def bibtex() -> str:
    return BIBTEX
