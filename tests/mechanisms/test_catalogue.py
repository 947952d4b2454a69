"""The checks hold where they should and, above all, fail where they should."""

import json
import os
import subprocess
import sys
from functools import partial
from inspect import signature
from pathlib import Path

import pytest
import torch
from torch import nn

from pruneproof.contracts.executor import started_with
from pruneproof.contracts.numerics import NUMERICS
from pruneproof.errors import BadConfig, UnknownName
from pruneproof.mechanisms.catalogue import MECHANISMS
from pruneproof.mechanisms.networks import build, random_inputs, settle
from pruneproof.papers.load import load_paper
from pruneproof.pipeline.numerics import obstacle
from pruneproof.registry.catalog import build_catalog

CATALOG = build_catalog(["builtin"])
CHECKS = {
    mechanism.id: partial(mechanism.check, CATALOG)
    if "catalog" in signature(mechanism.check).parameters
    else mechanism.check
    for mechanism in MECHANISMS
}
PAPERS = [load_paper(path.parent) for path in sorted((Path(__file__).parents[2] / "papers").glob("*/paper.toml"))]
CLAIMS = {
    f"{paper.info.id}/{claim.id}": claim
    for paper in PAPERS
    for claim in paper.claims.claim
    if claim.kind == "mechanism"
}
TOY = {
    "A": [0.9, 0.8, 0.7, 0.6],
    "B": [0.5, 0.45, 0.4, 0.35, 0.3, 0.25],
    "C": [0.1, 0.09, 0.08, 0.07, 0.06, 0.05, 0.04, 0.03, 0.02, 0.01],
}


CONTROLS = (
    "s1b", "n-s1-bias", "n-s1c", "n-s2", "n-s3", "n-s5", "n-s7", "n-s8", "n-s9", "n-s10", "n-s11", "n-s12-magnitude",
    "n-s12-random", "n-s13", "n-cost",
)  # fmt: skip
"""Negative controls of the survey of pruning at initialisation."""
FALSE = {
    "emerging-paradigms/s1c-identity",  # the flow through an identity is 0.6 % of all
    "emerging-paradigms/s4-vgg",  # two of three seeds keep a path
    "emerging-paradigms/s5-force",  # one of three seeds loses it
    "emerging-paradigms/s7-vgg-snip",  # a linear layer is emptied before the largest convolutions
    "emerging-paradigms/s9-snip",  # 43 units instead of 26
    "emerging-paradigms/s11-resnet",  # a layer's density changes by 0.069
    *(f"emerging-paradigms/{each}" for each in CONTROLS),
    "fairness-trainability/m-vgg-19-printed",  # the table's columns are headed by other ratios than it was made at
    "fairness-trainability/m-vgg-19-speed",  # two speed-ups are off in the second digit
    "fairness-trainability/m-resnet-56",  # no reading of the counts gives all rows
    "fairness-trainability/n-isometry-relu",  # a negative control
}
"""Mechanism claims that fail, and should."""


@pytest.mark.parametrize("claim", sorted(CLAIMS))
def test_every_mechanism_claim_of_the_papers_holds_or_is_known_to_be_false(claim):
    check = CLAIMS[claim].check
    facts = CHECKS[check.id](**check.options)
    assert facts
    assert all(fact.holds for fact in facts) == (claim not in FALSE)


@pytest.mark.slow
@pytest.mark.skipif(bool(obstacle(NUMERICS["portable"], "cpu")), reason="this machine has one numerics class only")
def test_the_facts_of_the_papers_are_the_same_with_other_kernels():
    """Of one claim for each check; of all with PRUNEPROOF_SLOW=1."""
    tried = {claim.check.id: name for name, claim in reversed(CLAIMS.items())}.values()
    names = list(CLAIMS if os.environ.get("PRUNEPROOF_SLOW") else tried)
    facts = {name: _facts(CLAIMS[name]) for name in names}
    script = (
        "import json, runpy, torch\n"
        "torch.backends.mkldnn.set_flags(False)\n"
        f"found = runpy.run_path({__file__!r})\n"
        f"print(json.dumps({{name: found['_facts'](found['CLAIMS'][name]) for name in {names!r}}}))\n"
    )
    with started_with(NUMERICS["portable"].environment):
        assert json.loads(subprocess.check_output([sys.executable, "-c", script])) == facts


def _facts(claim):
    return [dict(fact.to_json()) for fact in CHECKS[claim.check.id](**claim.check.options)]


def test_every_check_is_used_by_a_paper():
    assert {claim.check.id for claim in CLAIMS.values()} == set(CHECKS)


@pytest.mark.parametrize(
    ("check", "parameters", "false"),
    [
        ("exact-counts", {"model": "resnet-8", "sparsities": [0.3], "rule": "open-lth", "within": 0}, 1),
        ("global-dominance", {"model": "resnet-8", "sparsity": 0.0, "others": ["uniform"]}, 1),
        ("collapse-at-init", {"model": "resnet-32", "sparsity": 0.9, "exactly": [1]}, 1),
        ("collapse-at-init", {"model": "resnet-32", "sparsity": 0.95, "among": [1, 32], "count": 2}, 2),
        ("collapse-means-constant-output", {"model": "resnet-8", "cuts": [[2, 3]], "bypassed": [[1]]}, 2),
        ("dead-gradients", {"model": "resnet-8", "cuts": [[5]]}, 1),
        ("floor-invariants", {"model": "resnet-8", "sparsity": 0.9, "floor": 20, "infeasible_floor": 30}, 1),
        ("released-floor-stalls", {"scores": TOY, "sparsity": 0.6, "floor": 2, "protected": {"A": 4, "B": 4}}, 2),
        ("feasible-sparsity", {"model": "resnet-32", "percents": [0.02, 0.05], "at_most": [99.36, 98.40]}, 1),
        ("network-size", {"model": "resnet-32", "shape": (3, 32, 32), "classes": 10, "tensors": 33, "weights": 1}, 2),
        ("scale-sensitivity", {"model": "resnet-8", "layer": 3, "sparsity": 0.9, "up": 1.0, "down": 1.0}, 2),
        ("penalty-limit", {"model": "lenet-300-100-tanh", "sparsity": 0.9, "penalty": 0.0, "steps": [1]}, 3),
        ("steps-without-scoring", {"model": "lenet-300-100-tanh", "sparsity": 0.9, "steps": [1]}, 3),
        ("loss-model-special-cases", {"model": "lenet-300-100-tanh", "sparsity": 0.0}, 0),
        ("norm-derivatives", {"time": 3.0}, 2),
        ("distance-bounded", {"rate": -0.01}, 2),
        ("small-removals", {"by": 0.5}, 2),
        ("growing-norms", {"steps": 1}, 0),
        ("drifting-target", {"target": 0.75, "kept": {"5": 25}}, 1),
    ],
)
def test_a_false_statement_gives_false_facts(check, parameters, false):
    assert sum(not fact.holds for fact in CHECKS[check](**parameters)) == false


@pytest.mark.parametrize(
    ("sparsity", "floor", "survivors"),
    [(0.6, 2, {"A": 4, "B": 2, "C": 2}), (0.7, 2, {"A": 2, "B": 2, "C": 2}), (0.6, 0, {"A": 4, "B": 4, "C": 0})],
)
def test_survivors_of_the_toy_network_with_protected_floors(sparsity, floor, survivors):
    facts = CHECKS["released-floor-stalls"](scores=TOY, sparsity=sparsity, floor=floor, protected=survivors)
    assert facts[0].holds


def test_an_unknown_model_names_the_nearest():
    with pytest.raises(UnknownName, match='Nearest: "resnet-32"'):
        build(CATALOG, "resnet-322")


def test_a_layer_that_is_not_there_is_refused():
    with pytest.raises(BadConfig, match="layer 9 does not exist: the network has the prunable layers 1 to 8"):
        CHECKS["collapse-means-constant-output"](model="resnet-8", cuts=[[9]])


def test_networks_depend_on_the_seed_alone_and_leave_the_global_generator():
    torch.manual_seed(7)
    state = torch.get_rng_state()
    first, again, other = (build(CATALOG, "resnet-8", seed=seed).weights["conv1.weight"] for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_settled_statistics_are_those_of_the_inputs():
    module = nn.Sequential(nn.BatchNorm2d(3))
    inputs = 5 + random_inputs(64, (3, 4, 4))
    settle(module, inputs)
    assert not module.training
    torch.testing.assert_close(module[0].running_mean, inputs.mean((0, 2, 3)))
