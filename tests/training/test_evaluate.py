import pytest
import torch
from torch import nn

from pruneproof.data.digits import load_digits
from pruneproof.training.evaluate import evaluate


@pytest.fixture(scope="module")
def data():
    return load_digits(None)


def by_hand(model, data, split):
    inputs, labels = next(data.batches(split, 10_000))
    with torch.no_grad():
        return 100.0 * (model.eval()(inputs).argmax(1) == labels).sum().item() / len(labels)


@pytest.mark.parametrize("split", ["test", "train"])
def test_accuracy_is_the_share_of_right_answers_in_percent(data, split):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    assert evaluate(model, data, split).accuracy == pytest.approx(by_hand(model, data, split))


@pytest.mark.parametrize("training", [True, False])
def test_it_evaluates_in_evaluation_mode_and_leaves_mode_buffers_and_gradients_alone(data, training):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64), nn.Dropout(0.9), nn.Linear(64, 10)).train(training)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    first, again = evaluate(model, data), evaluate(model, data)
    assert first == again
    assert model.training is training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(each.grad is None for each in model.parameters())


class Fixed(nn.Module):
    """Answers every input with the same logits, plus `wobble` times its first pixel."""

    def __init__(self, wobble):
        super().__init__()
        self.wobble = wobble

    def forward(self, inputs):
        return torch.arange(10.0).expand(len(inputs), 10) + self.wobble * inputs.flatten(1)[:, 20:21]


@pytest.mark.parametrize(("wobble", "constant"), [(0.0, True), (1e-8, True), (1e-2, False)])
def test_a_network_that_ignores_its_input_is_constant_up_to_rounding(data, wobble, constant):
    assert evaluate(Fixed(wobble), data).constant_output is constant


def test_a_collapsed_network_is_constant_and_a_fresh_one_is_not(data):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 10))
    assert not evaluate(model, data).constant_output
    with torch.no_grad():
        model[1].weight.zero_()
    found = evaluate(model, data)
    assert found.constant_output
    assert found.accuracy < 20.0


def test_a_network_of_nan_is_evaluated_all_the_same(data):
    found = evaluate(Fixed(float("nan")), data)
    assert 0.0 <= found.accuracy <= 100.0
    assert not found.constant_output


def test_the_validation_split_is_its_own(data):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    held = data.holdout(0.2, torch.Generator().manual_seed(3))
    assert evaluate(model, held, "validation").accuracy == pytest.approx(by_hand(model, held, "validation"))
