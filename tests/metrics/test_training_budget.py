import pytest
import torch
from torch import nn

from pruneproof.api import macs, slim
from pruneproof.data.catalogue import DATASETS
from pruneproof.errors import BadConfig
from pruneproof.metrics.real_size import multiply_adds
from pruneproof.metrics.training_budget import training_macs
from pruneproof.models.catalogue import MODELS
from pruneproof.selection.public import select

[MLP_7] = [model for model in MODELS if model.id == "mlp-7"]


@pytest.fixture
def digits(tmp_path):
    return next(each for each in DATASETS if each.id == "digits").load(tmp_path)


def sizes(network, data):
    return macs(network, data.shape, MLP_7.prunable(network))


@pytest.fixture
def cut(digits):
    """Return multiply-adds of a whole network, and a smaller one cut from it with its own."""
    network = MLP_7.build(digits.shape, digits.classes, width=10)
    example = torch.zeros(1, *digits.shape)
    masks = select(network, sparsity=0.5, structure="coupled", scope="tensor", example=example)
    small = slim(network, masks, example).model
    return multiply_adds(network, digits, sizes(network, digits)), small, sizes(small, digits)


@pytest.mark.parametrize(("epochs", "last"), [(10, 10), (10, 7), (0, 0)])
def test_epochs_before_the_last_training_cost_what_the_network_was_then(digits, cut, epochs, last):
    before, small, counts = cut
    found = training_macs(small, digits, counts, epochs, {"loss": [1.0] * last}, before=before)
    assert found == before * (epochs - last) + sum(counts.values()) * last


def test_a_network_that_has_kept_its_size_costs_its_size_times_its_epochs(digits, cut):
    _, small, counts = cut
    assert training_macs(small, digits, counts, 10, {"loss": [1.0] * 7}) == 10 * sum(counts.values())


def test_a_network_is_not_cut_from_a_smaller_one(digits, cut):
    _, small, counts = cut
    for before in (-1, sum(counts.values()) - 1, True, 0.5):
        with pytest.raises(BadConfig, match="those of the network that it was cut from were expected"):
            training_macs(small, digits, counts, 10, {}, before=before)


def test_modules_outside_of_the_ranked_tensors_count(digits):
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    assert training_macs(network, digits, {}, 3, {}) == 3 * 640
