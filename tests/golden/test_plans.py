"""The plans of the shipped papers, so that a change of digests is seen and meant: `make golden` writes them anew."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from pruneproof.papers.load import load_paper
from pruneproof.pipeline.planning import make_plan
from pruneproof.registry.catalog import build_catalog

PAPERS = Path(__file__).parents[2] / "papers"
GOLDEN = Path(__file__).parent / "plans.json"
CASES = [
    (folder.parent.name, profile)
    for folder in sorted(PAPERS.glob("*/paper.toml"))
    for profile in load_paper(folder.parent).runs.profiles
]


def summary(paper, profile):
    """Return what a plan amounts to; of one seed also every stage with its digest."""
    loaded = load_paper(PAPERS / paper)
    data = {run.data: f"{run.data:0<64}" for run in loaded.runs.runs(profile).values()}
    numerics = loaded.runs.profile(profile).numerics
    plan = make_plan(loaded, profile, build_catalog(["builtin"]), fingerprints=data, numerics=numerics)
    first = min(cell.seed for cell in plan.cells)
    wanted = dict.fromkeys(digest for cell in plan.cells if cell.seed == first for digest in cell.stages)
    return {
        "plan": plan.digest,
        "cells": len(plan.cells),
        "stages": dict(sorted(Counter(stage.kind for stage in plan.stages.values()).items())),
        "epochs": sum(stage.epochs for stage in plan.stages.values()),
        "mechanisms": {claim: digest[:16] for claim, digest in plan.mechanisms.items()},
        "first seed": [f"{digest[:16]} {plan.stages[digest].kind} {plan.stages[digest].label}" for digest in wanted]
        if profile == "mini"
        else [],
    }


@pytest.mark.parametrize(("paper", "profile"), CASES)
def test_a_plan_is_the_golden_one(paper, profile):
    found = summary(paper, profile)
    known = json.loads(GOLDEN.read_text(encoding="utf-8")) if GOLDEN.exists() else {}
    if os.environ.get("PRUNEPROOF_GOLDEN"):
        known[f"{paper}/{profile}"] = found
        GOLDEN.write_text(json.dumps(dict(sorted(known.items())), indent=1, ensure_ascii=False) + "\n", "utf-8")
    assert found == known[f"{paper}/{profile}"]
