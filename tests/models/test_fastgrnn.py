import numpy as np
import torch

from pruneproof.models.fastgrnn import FASTGRNN

HAR = (128, 9)


def test_the_prunable_tensors_are_the_four_factors() -> None:
    model = FASTGRNN.build(HAR, 2)
    assert FASTGRNN.prunable(model) == ["W1", "W2", "U1", "U2"]
    shapes = [tuple(model.get_parameter(name).shape) for name in FASTGRNN.prunable(model)]
    assert shapes == [(9, 9), (9, 80), (80, 80), (80, 80)]


def test_the_published_har_2_ranks_give_the_published_28_kilobytes() -> None:
    """Kusupati et al.: ranks 5 and 40 at 80 hidden units; 28 KB before sparsity and quantisation."""
    model = FASTGRNN.build(HAR, 2, hidden=80, rank_w=5, rank_u=40)
    assert round(4 * sum(each.numel() for each in model.parameters()) / 1024) == 28


def test_the_recurrence_is_the_published_one() -> None:
    """An independent implementation in NumPy, step by step, with the unfactorised matrices."""
    torch.manual_seed(0)
    model = FASTGRNN.build((5, 3), 4, hidden=6, rank_w=2, rank_u=3).double()
    x = torch.randn(7, 5, 3, dtype=torch.float64)
    v = {name: each.detach().numpy() for name, each in model.named_parameters()}

    def sigmoid(a: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-a))

    W, U = v["W1"] @ v["W2"], v["U1"] @ v["U2"]  # noqa: N806
    h = np.zeros((7, 6))
    for t in range(5):
        p = x.numpy()[:, t] @ W + h @ U
        z = sigmoid(p + v["b_z"])
        h = z * h + (sigmoid(v["zeta"]) * (1 - z) + sigmoid(v["nu"])) * np.tanh(p + v["b_h"])
    expected = h @ v["classifier.weight"].T + v["classifier.bias"]
    np.testing.assert_allclose(model(x).detach().numpy(), expected, rtol=1e-12, atol=1e-12)


def test_zeroing_a_column_of_a_first_factor_lowers_the_rank() -> None:
    torch.manual_seed(0)
    model = FASTGRNN.build(HAR, 2).double()
    with torch.no_grad():
        model.get_parameter("U1")[:, 8:] = 0
    product = model.get_parameter("U1") @ model.get_parameter("U2")
    assert torch.linalg.matrix_rank(product).item() == 8


def test_initialisation_is_that_of_the_authors() -> None:
    torch.manual_seed(0)
    model = FASTGRNN.build(HAR, 2)
    assert abs(model.get_parameter("U2").std().item() - 0.1) < 0.005
    assert bool((model.get_parameter("b_z") == 1).all())
    assert bool((model.get_parameter("b_h") == 1).all())
    assert (model.get_parameter("zeta").item(), model.get_parameter("nu").item()) == (1.0, -4.0)
