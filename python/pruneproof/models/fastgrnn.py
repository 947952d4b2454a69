"""Low-rank FastGRNN, a gated recurrent cell for tiny devices."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pruneproof.api import BadConfig, Model, Source
from pruneproof.models.arguments import at_least

SOURCE = Source(
    "A. Kusupati, M. Singh, K. Bhatia, A. Kumar, P. Jain, M. Varma",
    2018,
    "FastGRNN: a fast, accurate, stable and tiny kilobyte sized gated recurrent neural network",
    "1901.02358",
    "eqs. 5-6",
)


class FastGRNN(nn.Module):
    """FastGRNN with factorised input and recurrent matrices; a linear classifier reads the last state.

    With W = W1·W2 and U = U1·U2, for each step t, h_0 = 0:

        p = x_t·W1·W2 + h_(t-1)·U1·U2
        z = sigmoid(p + b_z),  c = tanh(p + b_h)
        h_t = z ⊙ h_(t-1) + (sigmoid(ζ)·(1 - z) + sigmoid(ν)) ⊙ c

    Shapes: W1 (features, rank_w), W2 (rank_w, hidden), U1 (hidden, rank_u), U2 (rank_u, hidden). A column of W1 or U1
    is one rank, the unit that the Global MP study prunes.
    """

    def __init__(self, features: int, classes: int, hidden: int, rank_w: int, rank_u: int) -> None:
        super().__init__()
        self.W1 = nn.Parameter(0.1 * torch.randn(features, rank_w))
        self.W2 = nn.Parameter(0.1 * torch.randn(rank_w, hidden))
        self.U1 = nn.Parameter(0.1 * torch.randn(hidden, rank_u))
        self.U2 = nn.Parameter(0.1 * torch.randn(rank_u, hidden))
        self.b_z = nn.Parameter(torch.ones(hidden))
        self.b_h = nn.Parameter(torch.ones(hidden))
        self.zeta = nn.Parameter(torch.tensor(1.0))
        self.nu = nn.Parameter(torch.tensor(-4.0))
        self.classifier = nn.Linear(hidden, classes)
        nn.init.normal_(self.classifier.weight)
        nn.init.normal_(self.classifier.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, steps, features) to logits (batch, classes)."""
        state = x.new_zeros(x.shape[0], self.U1.shape[0])
        # The input's part does not depend on the state, so all steps are multiplied at once.
        for from_input in (x @ self.W1 @ self.W2).unbind(1):
            p = from_input + state @ self.U1 @ self.U2
            z = torch.sigmoid(p + self.b_z)
            c = torch.tanh(p + self.b_h)
            state = z * state + (torch.sigmoid(self.zeta) * (1 - z) + torch.sigmoid(self.nu)) * c
        logits: Tensor = self.classifier(state)
        return logits


def fastgrnn(shape: Sequence[int], classes: int, *, hidden: int = 80, rank_w: int = 9, rank_u: int = 80) -> nn.Module:
    """Build low-rank FastGRNN for inputs of shape (steps, features).

    The number of steps does not enter the parameters. Factors are drawn from 0.1·N(0, 1), both biases start at 1,
    ζ at 1 and ν at -4 (before the sigmoid), the classifier from N(0, 1): the initialisation of the authors' EdgeML
    code. Deviation: the classifier is an ordinary trained layer (that code's trainer leaves it at its initial values).

    >>> {name: tuple(each.shape) for name, each in fastgrnn((128, 9), 2).named_parameters() if each.dim() > 1}
    {'W1': (9, 9), 'W2': (9, 80), 'U1': (80, 80), 'U2': (80, 80), 'classifier.weight': (2, 80)}

    Raises:
        BadConfig: the input is no sequence; an option is out of range.
    """
    name = "fastgrnn"
    if len(shape) != 2 or min(shape) < 1:
        raise BadConfig(
            f'model "{name}" cannot be built for inputs of shape {tuple(shape)}: sequences of shape (steps, features) '
            "were expected. Use a data set of sequences."
        )
    sizes = {"hidden": hidden, "rank_w": rank_w, "rank_u": rank_u}
    for option, value in sizes.items():
        at_least(name, option, value, 1)
    return FastGRNN(shape[1], classes, **sizes)


def factors(model: nn.Module) -> list[str]:
    """Return the names of the four factor matrices, the prunable set; biases, ζ, ν and the classifier are not in it."""
    return [name for name, _ in model.named_parameters() if name in ("W1", "W2", "U1", "U2")]


FASTGRNN = Model(
    "fastgrnn",
    fastgrnn,
    SOURCE,
    prunable=factors,
    example_shape=(6, 9),
    example_options={"hidden": 8, "rank_w": 3, "rank_u": 4},
)
