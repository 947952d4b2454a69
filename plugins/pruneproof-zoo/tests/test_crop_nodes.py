"""CroP-S: scores are derivatives by gates, in networks with biases, normalisation and a residual stream."""

import torch
import torch.nn.functional as F
from torch import nn

from pruneproof.api import conv_and_linear, score
from pruneproof_zoo.crop_nodes import CROP_NODES


def samples(size=7):
    draw = torch.Generator().manual_seed(1)
    x = torch.randn(size, 2, 4, 4, dtype=torch.float64, generator=draw)
    return x, torch.randint(4, (size,), generator=draw)


def moved(model):
    """Return the model in evaluation mode, its normalisation no longer as at initialisation."""
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.bias)
            part.running_mean.normal_()
    return model.double().eval()


def by_gates(model, gated, gates):
    """Return the scores, and the derivatives of Σ ⟨stop(g), g(gates)⟩ by gates of ones in `gated`."""
    x, y = samples()
    names = conv_and_linear(model)
    found = score(CROP_NODES, {}, model, names, None, [(x, y)], torch.Generator())
    weights = {name: model.get_parameter(name).detach().clone().requires_grad_() for name in names}
    ones = [torch.ones(size, dtype=torch.float64, requires_grad=True) for size in gates]
    loss = F.cross_entropy(gated(weights, x, *ones), y)
    slopes = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
    return found, torch.autograd.grad(sum((slope.detach() * slope).sum() for slope in slopes), ones)


def test_in_a_chain_a_nodes_score_is_the_derivative_by_its_gate():
    torch.manual_seed(0)
    model = moved(
        nn.Sequential(
            nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Tanh(), nn.Flatten(), nn.Linear(12, 5), nn.ReLU(), nn.Linear(5, 4)
        )
    )

    def gated(weights, x, first, second):
        hidden = model[2](model[1](F.conv2d(x, weights["0.weight"], model[0].bias))) * first[:, None, None]
        hidden = F.linear(hidden.flatten(1), weights["4.weight"], model[4].bias).relu() * second
        return F.linear(hidden, weights["6.weight"], model[6].bias)

    found, (first, second) = by_gates(model, gated, (3, 5))
    torch.testing.assert_close(found["4.weight"].reshape(5, 3, 4).sum((0, 2)), first)
    torch.testing.assert_close(found["6.weight"].sum(0), second)


def test_in_a_residual_stream_it_is_the_derivative_by_a_gate_at_every_reader():
    torch.manual_seed(0)
    stem, inner = nn.Conv2d(2, 3, 1), nn.Conv2d(3, 3, 3, padding=1)
    norm, head = nn.BatchNorm2d(3), nn.Linear(3, 4)

    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.inner, self.norm, self.head = stem, inner, norm, head

        def forward(self, x):
            stream = self.stem(x).tanh()
            return self.head((stream + self.norm(self.inner(stream))).mean((2, 3)))

    model = moved(Residual())

    def gated(weights, x, gate):
        stream = F.conv2d(x, weights["stem.weight"], stem.bias).tanh()
        read = F.conv2d(stream * gate[:, None, None], weights["inner.weight"], inner.bias, padding=1)
        return F.linear((stream + norm(read)).mean((2, 3)) * gate, weights["head.weight"], head.bias)

    found, (gate,) = by_gates(model, gated, (3,))
    torch.testing.assert_close(found["inner.weight"].sum((0, 2, 3)) + found["head.weight"].sum(0), gate)


def test_two_linear_layers_by_the_formula():
    # f = Σ_j c_j w2_j (W1 x)_j, L = ½ f², A_j = ⟨∂L/∂W1_j, w2_j x⟩ + ∂L/∂w2_j h_j over f: ∂z/∂c_j = a_j Σ A + f A_j
    draw = torch.Generator().manual_seed(2)
    first, second, x = (torch.randn(*size, dtype=torch.float64, generator=draw) for size in ((3, 2), (1, 3), (2,)))

    class Square:
        def loss(self, weights):
            return (weights["b"] @ (weights["a"] @ x)).square().sum() / 2

        def gradients(self, **_):
            return torch.func.grad(self.loss)({"a": first, "b": second})

        def hessian_vector(self, vector, **_):
            return torch.func.jvp(torch.func.grad(self.loss), ({"a": first, "b": second},), (vector,))[1]

    h = first @ x
    f, a = second[0] @ h, second[0] * h
    parts = f * second[0].square() * x.square().sum() + f * h.square()
    found = CROP_NODES.score({"a": first, "b": second}, Square())["b"].sum(0)
    torch.testing.assert_close(found, a * parts.sum() + f * parts)
