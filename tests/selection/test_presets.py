import numpy as np
import pytest
import torch
from torch.nn.utils import prune

from pruneproof.api import Selection
from pruneproof.errors import InfeasibleSelection
from pruneproof.selection.presets import PRESETS, global_mp_released
from pruneproof.selection.select import select_masks

DISTINCT = np.random.default_rng(0).permutation(1000).astype(np.float32) + 1
MOSTLY_ZERO = np.where(DISTINCT > 700, DISTINCT, 0).astype(np.float32)


def removed(preset, scores, sparsity):
    masks = select_masks({"w": scores}, sparsity=sparsity, selection=Selection(preset=preset))
    return masks.size() - masks.count()


@pytest.mark.parametrize(
    ("preset", "of_200", "of_900", "of_five_ties", "of_mostly_zero"),
    [
        ("exact", 200, 900, 5, 500),
        ("open-lth", 201, 901, 10, 700),
        ("synflow", 199, 900, 10, 700),
        ("shrinkbench", 200, 900, 0, 0),
        ("global-mp-released", 199, 899, 0, 0),
        ("torch-prune", 200, 900, 5, 500),
        ("jaxpruner-normalised", 200, 900, 5, 500),
    ],
)
def test_how_many_each_rule_removes(preset, of_200, of_900, of_five_ties, of_mostly_zero):
    assert removed(preset, DISTINCT, 0.2) == of_200
    assert removed(preset, DISTINCT, 0.9) == of_900
    assert removed(preset, np.ones(10, dtype=np.float32), 0.5) == of_five_ties
    assert removed(preset, MOSTLY_ZERO, 0.5) == of_mostly_zero


def test_every_preset_is_in_the_table_above():
    listed = next(mark for mark in test_how_many_each_rule_removes.pytestmark).args[1]
    assert {row[0] for row in listed} == {"exact", *(preset.id for preset in PRESETS)}


def test_truncation_to_bfloat16_makes_ties_that_some_rules_overrun():
    scores = torch.randn(1000, generator=torch.Generator().manual_seed(3)).abs().bfloat16()
    boundary = scores.sort().values[499]
    tied, below = int((scores == boundary).sum()), int((scores < boundary).sum())
    assert tied > 1
    assert removed("synflow", scores, 0.5) == below + tied
    assert removed("global-mp-released", scores, 0.5) == below
    assert removed("torch-prune", scores, 0.5) == removed("jaxpruner-normalised", scores, 0.5) == 500


def test_torch_prune_is_what_torch_does():
    net = torch.nn.Sequential(torch.nn.Linear(13, 7), torch.nn.Linear(7, 5))
    weights = {name: value.detach().clone() for name, value in net.named_parameters() if "weight" in name}
    scores = {name: weight.abs() for name, weight in weights.items()}
    for amount in (0.1, 0.5, 0.77):
        masks = select_masks(scores, sparsity=amount, selection=Selection(preset="torch-prune"))
        pruned = torch.nn.Sequential(torch.nn.Linear(13, 7), torch.nn.Linear(7, 5))
        pruned.load_state_dict(net.state_dict())
        parameters = [(layer, "weight") for layer in pruned]
        prune.global_unstructured(parameters, pruning_method=prune.L1Unstructured, amount=amount)
        for index, layer in enumerate(pruned):
            assert torch.equal(layer.weight_mask.bool(), masks[f"{index}.weight"])


def test_synflow_is_kthvalue_and_smaller():
    scores = torch.from_numpy(DISTINCT)
    density = 1 - 0.63
    threshold = torch.kthvalue(scores, int((1.0 - density) * 1000)).values
    masks = select_masks({"w": scores}, sparsity=0.63, selection=Selection(preset="synflow"))
    assert torch.equal(masks["w"], scores > threshold)


def test_shrinkbench_interpolates_its_threshold():
    scores = {"w": np.array([1.0, 2.0, 3.0, 4.0])}
    masks = select_masks(scores, sparsity=0.5, selection=Selection(preset="shrinkbench"))
    assert masks.array("w").tolist() == [False, False, True, True]


def test_shrinkbench_keeps_what_is_negative_and_large():
    scores = {"w": np.array([-9.0, 1.0, 2.0, 3.0])}
    masks = select_masks(scores, sparsity=0.5, selection=Selection(preset="shrinkbench"))
    assert masks.array("w").tolist() == [True, False, True, True]


@pytest.mark.parametrize(("stray", "expected"), [(None, 899), (0.0, 898), (1e9, 899)])
def test_the_stray_scalar_of_global_mp_changes_the_count(stray, expected):
    flags = global_mp_released({"w": DISTINCT}, 0.9, stray=stray)["w"]
    assert int((~flags).sum()) == expected


def test_normalisation_makes_another_global_ranking():
    generator = torch.Generator().manual_seed(0)
    scores = {"wide": torch.rand(500, generator=generator), "narrow": 10 * torch.rand(50, generator=generator)}
    plain = select_masks(scores, sparsity=0.9)
    normalised = select_masks(scores, sparsity=0.9, selection=Selection(preset="jaxpruner-normalised"))
    assert plain.count() == normalised.count() == 55
    assert normalised != plain
    scaled = {"wide": scores["wide"] * 1024, "narrow": scores["narrow"]}
    assert select_masks(scaled, sparsity=0.9, selection=Selection(preset="jaxpruner-normalised")) == normalised


def test_open_lth_refuses_where_its_index_runs_out():
    with pytest.raises(InfeasibleSelection, match="at index 10 of 10"):
        removed("open-lth", np.arange(10.0), 0.99)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.id)
def test_no_weights_give_no_mask(preset):
    masks = select_masks({"w": np.ones((0, 3))}, sparsity=0.5, selection=Selection(preset=preset.id))
    assert masks.size() == 0
