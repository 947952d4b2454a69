"""Singular values of Jacobians, against products of matrices and finite differences."""

import numpy as np
import pytest
import torch
from torch import nn

from pruneproof.api import MaskSet, slim
from pruneproof.data.digits import load_digits
from pruneproof.metrics import jacobian
from pruneproof.models.lenet import lenet_5_1998
from pruneproof.models.mlp import mlp_7, mlp_7_linear
from pruneproof.models.resnet_cifar import RESNETS
from pruneproof.transforms.orthp import orthp

FEW = {"batches": 2, "batch": 3}


@pytest.fixture(scope="module")
def data():
    return load_digits(None)


def linear(width=20, seed=0):
    torch.manual_seed(seed)
    return mlp_7_linear((1, 8, 8), 10, width=width).eval()


def weights(network):
    return [part.weight.detach().double().numpy() for part in network if isinstance(part, nn.Linear)]


def of_product(network):
    return np.linalg.svd(np.linalg.multi_dot(weights(network)[::-1]), compute_uv=False)


def test_a_linear_network_has_the_singular_values_of_the_product_of_its_weights(data):
    network = linear()
    found = jacobian.singular_values(network, data, **FEW)
    assert found.shape == (6, 10)
    expected = of_product(network)
    np.testing.assert_allclose(found.numpy(), np.tile(expected, (6, 1)), rtol=1e-10, atol=1e-16)
    assert jacobian.mean_jsv(network, data, **FEW) == pytest.approx(expected.mean(), rel=1e-6)
    assert jacobian.jsv_max(network, data, **FEW) == pytest.approx(expected.max(), rel=1e-6)
    assert jacobian.jsv_spread(network, data, **FEW) == pytest.approx(expected.std(), rel=1e-6)
    assert jacobian.jsv_condition(network, data, **FEW) == pytest.approx(expected.max() / expected.min(), rel=1e-6)


def test_in_float32_as_the_authors_compute_the_mean_agrees_to_a_few_digits(data):
    network = linear()
    single = jacobian.singular_values(network, data, **FEW, double=False)
    assert single.dtype == torch.float32
    assert jacobian.mean_jsv(network, data, **FEW, double=False) == pytest.approx(of_product(network).mean(), rel=1e-4)


def test_after_orthp_a_pruned_linear_network_has_all_singular_values_1(data):
    network = linear(100)
    masks = MaskSet.from_tensors({f"fc{layer}.weight": torch.arange(100)[:, None] < 20 for layer in range(1, 7)} | {})
    small = slim(network, full(masks, network), torch.zeros(1, 1, 8, 8)).model.eval()
    assert [len(each) for each in weights(small)] == [20] * 6 + [10]
    orthogonalise(small)
    values = jacobian.singular_values(small, data, **FEW)
    assert (values - 1).abs().max() < 1e-5
    assert jacobian.mean_jsv(small, data, **FEW) == pytest.approx(1, abs=1e-5)
    assert jacobian.jsv_spread(small, data, **FEW) < 1e-5


def full(masks, network):
    """Give masks of rows the shapes of the weights."""
    shapes = {name: network.get_parameter(name).shape for name in masks}
    return MaskSet.from_tensors({name: masks[name].expand(shapes[name]).clone() for name in masks})


def orthogonalise(network, **options):
    found = {
        f"{name}.weight": part.weight.detach() for name, part in network.named_modules() if hasattr(part, "weight")
    }
    alive = {name: torch.ones_like(each, dtype=torch.bool) for name, each in found.items()}
    network.load_state_dict({**network.state_dict(), **orthp(found, alive, **options).state})


def test_the_scale_of_the_last_layer_scales_them_and_nothing_that_is_predicted(data):
    torch.manual_seed(0)
    network = mlp_7((1, 8, 8), 10).eval()
    before = jacobian.singular_values(network, data, **FEW)
    [(inputs, _)] = data.batches("test", 599)
    answers = network(inputs).argmax(1)
    with torch.no_grad():
        network.classifier.weight.mul_(10)
        network.classifier.bias.mul_(10)
    after = jacobian.singular_values(network, data, **FEW)
    torch.testing.assert_close(after, 10 * before, rtol=1e-6, atol=1e-12)
    assert torch.equal(network(inputs).argmax(1), answers)


def test_a_bent_network_has_another_jacobian_at_each_sample_which_differences_confirm(data):
    torch.manual_seed(0)
    network = lenet_5_1998((1, 8, 8), 3, widths=(4, 4, 4, 4)).double().eval()
    inputs = next(iter(data.batches("train", 2)))[0].double()
    found = jacobian.jacobians(network, inputs)
    along = torch.randn(inputs.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    step = 1e-6
    with torch.no_grad():
        change = (network(inputs + step * along) - network(inputs - step * along)) / (2 * step)
    torch.testing.assert_close(torch.einsum("ncd,nd->nc", found, along.flatten(1)), change, rtol=1e-5, atol=1e-9)
    assert not torch.allclose(found[0], found[1])


def test_samples_do_not_interact_and_the_network_stays_as_it_was(data):
    torch.manual_seed(0)
    network = RESNETS[0].build((1, 8, 8), 10, width=4).eval()
    before = {name: each.clone() for name, each in network.state_dict().items()}
    whole, parts = (jacobian.singular_values(network, data, batches=n, batch=m) for n, m in ((1, 6), (6, 1)))
    torch.testing.assert_close(whole, parts)
    assert all(torch.equal(each, before[name]) for name, each in network.state_dict().items())
    assert all(each.grad is None and each.dtype == torch.float32 for each in network.parameters())


def test_where_the_jacobian_is_rank_deficient_there_is_no_condition_number_and_all_else_is_finite(data):
    network = linear()
    with torch.no_grad():
        network.fc3.weight[:12] = 0  # 8 of 10 directions are left
    assert jacobian.jsv_condition(network, data, **FEW) is None
    assert jacobian.jsv_condition(network, data, **FEW, double=False) is None
    assert jacobian.mean_jsv(network, data, **FEW) > 0
    with torch.no_grad():
        network.fc3.weight.zero_()
    assert jacobian.mean_jsv(network, data, **FEW) == 0
    assert jacobian.jsv_condition(network, data, **FEW) is None


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_diverged_network_has_no_singular_values_and_stops_nothing(data, bad):
    network = linear()
    with torch.no_grad():
        network.fc2.weight[0, 0] = bad
    for metric in (jacobian.mean_jsv, jacobian.jsv_spread, jacobian.jsv_max, jacobian.jsv_condition):
        assert metric(network, data, **FEW) is None


def test_more_batches_than_there_are_is_all_there_are(data):
    assert len(jacobian.singular_values(linear(), data, batches=10, batch=500)) == 1198


def test_the_course_is_read_from_what_was_watched():
    assert jacobian.mean_jsvs({"watched": {"mean-jsv": [0.1, 1.0]}}) == [0.1, 1.0]
    assert jacobian.mean_jsvs({}) is None
    assert jacobian.mean_jsvs({"watched": {"mean-jsv": [0.1, None]}}) is None
