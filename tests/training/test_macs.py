import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from pruneproof.api import Model
from pruneproof.errors import BadTensor
from pruneproof.models.catalogue import MODELS
from pruneproof.training.macs import macs, macs_pruned

CIFAR, IMAGENET = (3, 32, 32), (3, 224, 224)


def built(name: str, shape: tuple[int, ...], classes: int, **options: object) -> nn.Module:
    model = next(each for each in MODELS if each.id == name)
    with torch.device("meta"):
        return model.build(shape, classes, **options)


@pytest.mark.parametrize(
    ("name", "shape", "classes", "unit", "printed"),
    [
        ("resnet-50", IMAGENET, 1000, 1, 4_089_184_256),
        ("resnet-34", IMAGENET, 1000, 1e9, 3.664),
        ("mobilenet-v1", IMAGENET, 1000, 1e6, 568.7),
        ("wrn-28-8", CIFAR, 10, 1e9, 3.360),
        ("wrn-22-8", CIFAR, 10, 1e9, 2.45),
        ("resnet-32", CIFAR, 10, 1e6, 68.9),
        ("vgg-19", CIFAR, 100, 1e9, 0.398),
    ],
)
def test_totals_are_those_of_the_literature(
    name: str, shape: tuple[int, ...], classes: int, unit: float, printed: float
) -> None:
    total = sum(macs(built(name, shape, classes), shape).values())
    digits = len(str(printed).partition(".")[2])
    assert round(total / unit, digits) == printed


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_totals_are_half_the_floating_point_operations_that_torch_counts(model: Model) -> None:
    shape = (128, 9) if model.id == "fastgrnn" else CIFAR
    with torch.device("meta"):
        network = model.build(shape, 10).eval()
        x = torch.empty(1, *shape)
    names = [*model.prunable(network), "classifier.weight"] if model.id == "fastgrnn" else None
    with FlopCounterMode(display=False) as torch_count, torch.no_grad():
        network(x)
    assert 2 * sum(macs(network, shape, names).values()) == torch_count.get_total_flops()


def test_the_factors_of_fastgrnn_are_multiplied_at_every_step() -> None:
    network = built("fastgrnn", (128, 9), 2, rank_w=5, rank_u=40)
    assert macs(network, (128, 9), ["U2", "W1", "W2", "U1"]) == {
        "U2": 128 * 40 * 80,
        "W1": 128 * 9 * 5,
        "W2": 128 * 5 * 80,
        "U1": 128 * 80 * 40,
    }


def test_groups_and_positions_are_counted_as_computed() -> None:
    network = nn.Sequential(nn.Conv1d(4, 6, 3, groups=2, stride=2), nn.Linear(5, 7))
    assert macs(network, (4, 11)) == {"0.weight": 6 * 5 * (2 * 3), "1.weight": 6 * 7 * 5}


def test_a_weight_used_twice_counts_twice() -> None:
    shared = nn.Linear(3, 3)
    assert macs(nn.Sequential(shared, shared), (3,)) == {"0.weight": 18}


def test_the_tensors_below_a_floor_of_8418_hold_13_9_percent_of_mobilenet_v1() -> None:
    network = built("mobilenet-v1", IMAGENET, 1000)
    counts = macs(network, IMAGENET)
    small = sum(count for name, count in counts.items() if network.get_parameter(name).numel() < 8_418)
    assert round(100 * small / sum(counts.values()), 1) == 13.9


def test_counting_leaves_the_model_and_the_generator_as_they_were() -> None:
    torch.manual_seed(0)
    model = next(each for each in MODELS if each.id == "wrn").build(CIFAR, 10, depth=10, width=1, dropout=0.3)
    model.get_submodule("groups.1").eval()
    model(torch.randn(2, *CIFAR)).sum().backward()
    parameters = {name: (each, each.detach().clone(), each.grad) for name, each in model.named_parameters()}
    buffers = {name: each.clone() for name, each in model.named_buffers()}
    modes = [part.training for part in model.modules()]
    random_state = torch.get_rng_state()

    macs(model, CIFAR)

    assert torch.equal(torch.get_rng_state(), random_state)
    assert [part.training for part in model.modules()] == modes
    assert any(modes)
    assert not all(modes)
    assert all(torch.equal(each, buffers[name]) for name, each in model.named_buffers())
    for name, each in model.named_parameters():
        same, value, gradient = parameters[name]
        assert each is same
        assert each.grad is gradient
        assert torch.equal(each, value)
    assert not model.get_submodule("conv1")._forward_hooks


def test_a_refusal_leaves_the_mode_too() -> None:
    model = nn.Sequential(nn.Linear(3, 3)).train()
    with pytest.raises(BadTensor, match=r"cannot process one input of shape \(4,\)"):
        macs(model, (4,))
    assert model.training
    assert model[0].training


def test_a_weight_that_meets_its_input_in_no_known_product_is_refused() -> None:
    class Scaled(nn.Linear):
        def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002
            return F.linear(input, self.weight.clone())

    with pytest.raises(BadTensor, match=r"\['weight'\] cannot be counted"):
        macs(Scaled(3, 3), (3,))
    with pytest.raises(BadTensor, match="multiply-adds were asked for"):
        macs(nn.Linear(3, 3), (3,), ["fc.weight"])


counts = st.dictionaries(st.text(min_size=1, max_size=3), st.integers(1, 10**10), min_size=1, max_size=6)


@given(counts, st.floats(0, 1))
def test_uniform_sparsity_prunes_exactly_its_share(counted: dict[str, int], sparsity: float) -> None:
    assert macs_pruned(counted, dict.fromkeys(counted, 1 - sparsity)) == pytest.approx(sparsity, abs=1e-12)


@given(counts, st.data())
def test_the_pruned_fraction_lies_between_the_extremes_of_the_tensors(
    counted: dict[str, int], data: st.DataObject
) -> None:
    densities = {name: data.draw(st.floats(0, 1)) for name in counted}
    pruned = macs_pruned(counted, densities)
    assert 1 - max(densities.values()) - 1e-12 <= pruned <= 1 - min(densities.values()) + 1e-12


def test_densities_of_other_tensors_are_refused() -> None:
    with pytest.raises(BadTensor, match=r"only one of them has \['b'\]"):
        macs_pruned({"a": 1}, {"a": 1.0, "b": 0.5})
    with pytest.raises(BadTensor, match="zero multiply-adds"):
        macs_pruned({}, {})
