import pytest
import torch

from pruneproof.api import MaskSet, macs, slim
from pruneproof.data.catalogue import DATASETS
from pruneproof.metrics.real_size import multiply_adds, parameters
from pruneproof.models.catalogue import MODELS

BY_ID = {model.id: model for model in MODELS}


@pytest.fixture
def digits(tmp_path):
    return next(each for each in DATASETS if each.id == "digits").load(tmp_path)


def counted(network, data, model="lenet-5"):
    return multiply_adds(network, data, macs(network, data.shape, BY_ID[model].prunable(network)))


def test_a_mask_changes_neither_and_a_smaller_network_has_less_of_both(digits):
    network = BY_ID["lenet-5"].build(digits.shape, digits.classes)
    before = parameters(network), counted(network, digits)
    mask = torch.ones(network.fc.weight.shape)
    mask[:100] = 0
    masks = MaskSet.from_tensors({"fc.weight": mask})
    masks.apply_(network)
    assert (parameters(network), counted(network, digits)) == before
    small = slim(network, masks, torch.zeros(1, *digits.shape))
    assert len(small.removed["fc.weight"]) == 100
    saved = 100 * (network.fc.in_features + 10)
    assert parameters(small.model) == small.parameters_after == before[0] - saved - 100
    assert counted(small.model, digits) == small.macs_after == before[1] - saved


def test_prunable_tensors_outside_of_layers_count():
    class Sequences:
        shape = (6, 9)

    network = BY_ID["fastgrnn"].build(Sequences.shape, 2, hidden=8, rank_w=3, rank_u=4)
    assert counted(network, Sequences(), "fastgrnn") == 6 * (9 * 3 + 3 * 8 + 8 * 4 + 4 * 8) + 8 * 2
