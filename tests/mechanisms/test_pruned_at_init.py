"""Claims about masks at initialisation hold on small networks, and fail for the variant that each must refuse."""

import pytest

from pruneproof.mechanisms.pruned_at_init import MECHANISMS
from pruneproof.registry.catalog import build_catalog

CATALOG = build_catalog(["builtin"])
CHECKS = {each.id: each.check for each in MECHANISMS}
MLP = {"model": "mlp", "model_options": {"hidden": [40, 20]}}
RESNET = {"model": "resnet-8", "model_options": {"width": 4, "shortcut": "B"}}
WIDE = {"model": "resnet-8", "model_options": {"width": 16, "shortcut": "B"}, "steps": 10}
BRANCHES = {
    "stages.1.0.shortcut.0.weight": "stages.1.0.conv1.weight",
    "stages.2.0.shortcut.0.weight": "stages.2.0.conv1.weight",
}
TWINS = {"model": "vgg-11-plain", "model_options": {"width": 0.06}}  # with three largest tensors, of one size
CRITERIA = ["magnitude", "snip", "grasp", "synflow", "random", "force"]
HOLD = [
    ("flow-conserved", {}),
    ("flow-conserved", RESNET | {"cuts": [[1], [4, 6], [5, 6], [8, 9], [10]], "no_cuts": [[2], [5], [6]]}),
    ("connected-after-pruning", MLP | {"criterion": "synflow", "exponent": 1.0, "steps": 100}),
    ("connected-after-pruning", MLP | {"criterion": "snip", "exponent": 0.9, "steps": 100}),
    ("connected-after-pruning", MLP | {"criterion": "force", "exponent": 0.8, "steps": 60, "revive": True}),
    *(
        ("connected-after-pruning", MLP | {"criterion": each, "exponent": 0.8, "connected": False})
        for each in ("magnitude", "snip", "grasp", "random", "synflow")
    ),
    ("scores-fall-with-size", MLP | {"criterion": "synflow"}),
    ("scores-fall-with-size", MLP | {"criterion": "snip"}),
    ("first-emptied", MLP | {"criterion": "random", "which": "smallest"}),
    *(("first-emptied", MLP | {"criterion": each, "which": "largest"}) for each in ("magnitude", "snip", "grasp")),
    ("first-emptied", TWINS | {"criterion": "magnitude", "which": "largest"}),
    ("effective-after-pruning", MLP | {"criterion": "synflow", "sparsity": 0.97, "steps": 20, "at_least": 0.95}),
    *(
        ("effective-after-pruning", MLP | {"criterion": each, "sparsity": 0.97, "below": 0.9})
        for each in ("snip", "random")
    ),
    ("units-after-shuffling", MLP | {"steps": 20}),
    ("starved-branches", WIDE | {"branches": BRANCHES, "shape": [3, 16, 16]}),
    ("label-blind-densities", MLP),
    ("masks-of-other-samples", MLP),
    ("exact-at-every-ratio", MLP | {"criteria": CRITERIA, "densities": [1.0, 0.5, 0.29, 0.01]}),
    ("scoring-passes", {"criterion": "snip", "forward": 1, "backward": 1}),
    ("scoring-passes", {"criterion": "grasp", "forward": 2, "backward": 3}),
    ("scoring-passes", {"criterion": "synflow", "forward": 7, "backward": 7, "steps": 7}),
    ("scoring-passes", {"criterion": "magnitude", "forward": 0, "backward": 0, "steps": 7}),
]
REFUSED = [
    ("flow-conserved", {"batch_statistics": True}, "normalised by the batch"),
    ("flow-conserved", MLP | {"bias": 0.1}, "with biases"),
    ("flow-conserved", RESNET, "a tensor beside a branch is no cut"),
    ("connected-after-pruning", MLP | {"criterion": "synflow", "exponent": 0.8}, "one step in place of a hundred"),
    ("connected-after-pruning", MLP | {"criterion": "snip", "exponent": 0.9}, "one step in place of a hundred"),
    ("scores-fall-with-size", MLP | {"criterion": "random"}, "scores that know no size"),
    ("first-emptied", MLP | {"criterion": "random", "which": "largest"}, "random empties the smallest"),
    ("effective-after-pruning", MLP | {"criterion": "random", "sparsity": 0.97, "at_least": 0.95}, "a random mask"),
    ("units-after-shuffling", MLP | {"criterion": "random", "steps": 1}, "a mask that is shuffled already"),
    ("starved-branches", WIDE | {"branches": BRANCHES, "shape": [3, 8, 8]}, "kernels that meet padding"),
    ("label-blind-densities", MLP | {"criterion": "magnitude"}, "a mask that never saw a label"),
    ("masks-of-other-samples", MLP | {"criterion": "magnitude"}, "a mask that never saw a sample"),
    ("masks-of-other-samples", MLP | {"criterion": "random"}, "a mask of chance"),
    ("exact-at-every-ratio", MLP | {"criteria": ["snip"], "densities": [0.5], "count": "synflow"}, "ties all pruned"),
    ("scoring-passes", {"criterion": "synflow", "forward": 1, "backward": 1, "steps": 7}, "scored once"),
]


@pytest.mark.parametrize(("check", "parameters"), HOLD, ids=lambda value: value if isinstance(value, str) else "")
def test_it_holds(check, parameters):
    facts = CHECKS[check](CATALOG, **parameters)
    assert facts
    assert [fact for fact in facts if not fact.holds] == []


@pytest.mark.parametrize(("check", "parameters", "variant"), REFUSED, ids=[f"{each[0]}: {each[2]}" for each in REFUSED])
def test_it_fails_for_the_wrong_variant(check, parameters, variant):
    assert any(not fact.holds for fact in CHECKS[check](CATALOG, **parameters))


def test_every_check_has_a_case_that_holds_and_one_that_it_refuses():
    assert {each[0] for each in HOLD} == {each[0] for each in REFUSED} == set(CHECKS)
