"""Measures of "A Gradient Flow Framework For Analyzing Network Pruning": a filter by what its removal does to training.

Each scores single weights; `reduce` of the selection makes one number per filter of them, and says whether the absolute
value stands inside the sum (`l1`), outside (`abs-of-sum`) or nowhere (`sum`). Batch normalisation is in evaluation
mode, as in the authors' code: in training mode w · g = 0 for each filter in front of it, and nothing could be ranked.
"""

import torch

from pruneproof.api import BadConfig, Criterion, Probe, Source, Tensors


def taylor(weights: Tensors, probe: Probe, *, temperature: float = 5.0) -> Tensors:
    """Return θ ⊙ g, signed: with `abs-of-sum` the first-order change of the loss when a filter goes.

    Molchanov et al. (2017), arXiv 1611.06440, in the form of Lubana & Dick's code: score of filter f is |Σ θ_i g_i|,
    the rate at which gradient flow changes ‖θ_f‖², halved. Computed in float64, since the sum cancels.

    >>> import torch
    >>> class Given:
    ...     def gradients(self, **_):
    ...         return {"w": torch.tensor([[3.0, 1.0], [-2.0, 0.5]])}
    >>> taylor({"w": torch.tensor([[1.0, -2.0], [0.5, 4.0]])}, Given())["w"].tolist()
    [[3.0, -2.0], [-1.0, 2.0]]

    Args:
        weights: θ, name -> tensor of any shape, dead weights zero.
        probe: gives g, the gradient of the mean cross-entropy of logits / temperature.
        temperature: divides the logits, > 0; 5 in the authors' code.

    Returns:
        Scores of the weights' shapes, of either sign; `abs-of-sum` makes the filter's.
    """
    slopes = probe.gradients(temperature=temperature, train_mode=False, double=True)
    return {name: weight * slopes[name] for name, weight in weights.items()}


def loss_preservation(weights: Tensors, probe: Probe, *, temperature: float = 5.0) -> Tensors:
    """Return |θ ⊙ g|: with `l1` the loss-preservation score of a filter.

    Lubana & Dick (2021), arXiv 2009.11839, `loss_based` of the authors' code: Σ_i |θ_i g_i|, the absolute value inside
    the sum. |Σ_i θ_i g_i| is `taylor`; the two rank alike only where a filter's terms have one sign.

    >>> import torch
    >>> class Given:
    ...     def gradients(self, **_):
    ...         return {"w": torch.tensor([[3.0, 1.0], [-2.0, 0.5]])}
    >>> loss_preservation({"w": torch.tensor([[1.0, -2.0], [0.5, 4.0]])}, Given())["w"].tolist()
    [[3.0, 2.0], [1.0, 2.0]]

    Args:
        weights: θ, name -> tensor of any shape, dead weights zero.
        probe: gives g, the gradient of the mean cross-entropy of logits / temperature.
        temperature: divides the logits, > 0; 5 in the authors' code.

    Returns:
        Scores of the weights' shapes, in [0, ∞).
    """
    return {name: each.abs() for name, each in taylor(weights, probe, temperature=temperature).items()}


def biased_loss(weights: Tensors, probe: Probe, *, temperature: float = 5.0) -> Tensors:
    """Return |θ| ⊙ |θ ⊙ g|: loss preservation that removes small weights first; `l1` makes the filter's score.

    Lubana & Dick (2021), arXiv 2009.11839, `biased_loss` of the authors' code, the extension that they propose.

    >>> import torch
    >>> class Given:
    ...     def gradients(self, **_):
    ...         return {"w": torch.tensor([[3.0, 1.0], [-2.0, 0.5]])}
    >>> biased_loss({"w": torch.tensor([[1.0, -2.0], [0.5, 4.0]])}, Given())["w"].tolist()
    [[3.0, 4.0], [0.5, 8.0]]

    Args:
        weights: θ, name -> tensor of any shape, dead weights zero.
        probe: gives g, the gradient of the mean cross-entropy of logits / temperature.
        temperature: divides the logits, > 0; 5 in the authors' code.

    Returns:
        Scores of the weights' shapes, in [0, ∞).
    """
    scores = loss_preservation(weights, probe, temperature=temperature)
    return {name: weights[name].abs() * each for name, each in scores.items()}


def moved_loss(weights: Tensors, initial: Tensors, probe: Probe, *, temperature: float = 5.0) -> Tensors:
    """Return |θ - θ(0)| ⊙ |θ ⊙ g|: loss preservation that removes what has moved least first; `l1` makes the filter's.

    Lubana & Dick (2021), arXiv 2009.11839, `biased_loss` of the authors' code with its option `--use_init`.

    >>> import torch
    >>> class Given:
    ...     def gradients(self, **_):
    ...         return {"w": torch.tensor([[3.0, 1.0], [-2.0, 0.5]])}
    >>> initial = {"w": torch.tensor([[1.0, -1.0], [0.0, 0.0]])}
    >>> moved_loss({"w": torch.tensor([[1.0, -2.0], [0.5, 4.0]])}, initial, Given())["w"].tolist()
    [[0.0, 2.0], [0.5, 8.0]]

    Args:
        weights: θ, name -> tensor of any shape, dead weights zero.
        initial: θ(0), the same at initialisation.
        probe: gives g, the gradient of the mean cross-entropy of logits / temperature.
        temperature: divides the logits, > 0; 5 in the authors' code.

    Returns:
        Scores of the weights' shapes, in [0, ∞).
    """
    scores = loss_preservation(weights, probe, temperature=temperature)
    return {name: (weights[name] - initial[name]).abs() * each for name, each in scores.items()}


def gradient_norm(weights: Tensors, probe: Probe, *, temperature: float = 1.0) -> Tensors:
    """Return θ ⊙ Hg, signed: with `sum` the gradient norm is raised most (GraSP), with `abs-of-sum` it is preserved.

    Lubana & Dick (2021), arXiv 2009.11839, `grasp` and `grad_preserve` of the authors' code. Removing filter f changes
    ‖g‖² by -2 Σ_i θ_i (Hg)_i to first order. Differs from `grasp` in the mode of batch normalisation and in that it is
    computed in float64: at a temperature of 200 the products cancel in float32.

    >>> import torch
    >>> class Bowl:  # L = ½ θᵀAθ with A = diag(1, 2): g = Aθ, Hg = A²θ
    ...     curvature, theta = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 1.0])
    ...     def gradients(self, **_):
    ...         return {"theta": self.curvature * self.theta}
    ...     def hessian_vector(self, vector, **_):
    ...         return {"theta": self.curvature * vector["theta"]}
    >>> gradient_norm({"theta": Bowl.theta}, Bowl())["theta"].tolist()
    [1.0, 4.0]

    Args:
        weights: θ, name -> tensor of any shape, dead weights zero.
        probe: gives g and Hg of the mean cross-entropy of logits / temperature.
        temperature: divides the logits, > 0; GraSP 200 and 1, preservation 1 in the authors' code.

    Returns:
        Scores of the weights' shapes, of either sign.
    """
    slopes = probe.gradients(temperature=temperature, train_mode=False, double=True)
    product = probe.hessian_vector(slopes, temperature=temperature, train_mode=False, double=True)
    return {name: weight * product[name] for name, weight in weights.items()}


def batch_fisher(weights: Tensors, probe: Probe, *, batch: int = 128, temperature: float = 5.0) -> Tensors:
    """Return θ² ⊙ G2, G2 the mean over mini-batches of the squared gradient of a batch's mean loss.

    `fisher` of Lubana & Dick's code (2021), arXiv 2009.11839, which calls it an extra; `l1` makes the filter's score.
    With a batch of one it is the diagonal of the empirical Fisher matrix, which for larger batches it is not: the mean
    over a batch averages the noise away before it is squared.

    >>> import torch
    >>> class Given:
    ...     def sample_gradients(self, **_):
    ...         return {"w": torch.tensor([[1.0, 2.0], [3.0, -2.0]])}
    >>> weights = {"w": torch.tensor([1.0, 2.0])}
    >>> batch_fisher(weights, Given(), batch=2)["w"].tolist(), batch_fisher(weights, Given(), batch=1)["w"].tolist()
    ([4.0, 0.0], [5.0, 16.0])

    Args:
        weights: θ, name -> tensor of any shape, dead weights zero.
        probe: gives the gradient of each sample, in the order of the scoring samples.
        batch: samples of a mini-batch, >= 1; a last one may be smaller. 128 in the authors' code.
        temperature: divides the logits, > 0; 5 in the authors' code.

    Returns:
        Scores of the weights' shapes, in [0, ∞).

    Raises:
        BadConfig: a batch below 1.
    """
    if batch < 1:
        raise BadConfig(f'criterion "batch-fisher" has batch = {batch}: a whole number from 1 was expected.')
    slopes = probe.sample_gradients(temperature=temperature, double=True)
    return {name: weight.square() * _mean_square(slopes[name], batch) for name, weight in weights.items()}


def _mean_square(slopes: torch.Tensor, batch: int) -> torch.Tensor:
    return torch.stack([each.mean(0).square() for each in torch.split(slopes, batch)]).mean(0)


def scale(weights: Tensors, scales: Tensors) -> Tensors:
    """Return |γ| of the batch normalisation behind a filter, at each of its weights; `mean` makes the filter's score.

    Liu, Li, Shen, Huang, Yan, Zhang (2017), arXiv 1708.06519 (network slimming), `bn` of Lubana & Dick's code, which
    calls it an extra. A filter without normalisation has 1.

    >>> import torch
    >>> weights = {"w": torch.tensor([[1.0, -2.0], [0.5, 4.0]])}
    >>> scale(weights, {"w": torch.tensor([0.5, -3.0])})["w"].tolist()
    [[0.5, 0.5], [3.0, 3.0]]

    Args:
        weights: name -> tensor, output units first; only their shapes matter.
        scales: γ, name -> one number per output unit.

    Returns:
        Scores of the weights' shapes, in [0, ∞), equal within a filter.
    """
    return {
        name: scales[name].abs().reshape(-1, *[1] * (weight.dim() - 1)).expand_as(weight).contiguous()
        for name, weight in weights.items()
    }


LUBANA = Source(
    authors="Lubana, Dick",
    year=2021,
    title="A Gradient Flow Framework For Analyzing Network Pruning",
    arxiv="2009.11839",
    equation="code: imp_estimator.py",
)
_SIGNED = frozenset({"batch-order-invariant", "zero-for-zero-weight", "zero-for-zero-gradient", "loss-scale-invariant"})
_OF_LOSS = _SIGNED | {"nonnegative", "sign-invariant"}
_TURNS = {"sign-invariant": "the score is signed: a sum over a filter needs the signs of its terms"}

TAYLOR = Criterion(
    id="taylor",
    score=taylor,
    source=Source(
        authors="Molchanov, Tyree, Karras, Aila, Kautz",
        year=2017,
        title="Pruning Convolutional Neural Networks for Resource Efficient Inference",
        arxiv="1611.06440",
        equation="per filter in the code of arXiv 2009.11839",
    ),
    laws=_SIGNED | {"homogeneous-1", "relu-rescaling-invariant"},
    expected_failures=_TURNS,
)
LOSS_PRESERVATION = Criterion(
    id="loss-preservation",
    score=loss_preservation,
    source=LUBANA,
    laws=_OF_LOSS | {"homogeneous-1", "relu-rescaling-invariant"},
)
BIASED_LOSS = Criterion(id="biased-loss", score=biased_loss, source=LUBANA, laws=_OF_LOSS | {"homogeneous-2"})
MOVED_LOSS = Criterion(
    id="moved-loss",
    score=moved_loss,
    source=LUBANA,
    laws=frozenset({"nonnegative", "zero-for-zero-weight", "zero-for-zero-gradient", "loss-scale-invariant"}),
)
GRADIENT_NORM = Criterion(
    id="gradient-norm",
    score=gradient_norm,
    source=LUBANA,
    laws=_SIGNED | {"homogeneous-1"},
    expected_failures=_TURNS
    | {"relu-rescaling-invariant": "the gradient norm depends on the parametrisation of one and the same function"},
)
BATCH_FISHER = Criterion(
    id="batch-fisher",
    score=batch_fisher,
    source=LUBANA,
    laws=frozenset({"nonnegative", "sign-invariant", "homogeneous-2", "zero-for-zero-weight", "loss-scale-invariant"}),
)
SCALE = Criterion(
    id="scale",
    score=scale,
    source=Source(
        authors="Liu, Li, Shen, Huang, Yan, Zhang",
        year=2017,
        title="Learning Efficient Convolutional Networks through Network Slimming",
        arxiv="1708.06519",
    ),
    laws=frozenset({"data-free", "label-free", "nonnegative", "sign-invariant", "homogeneous-0"}),
)
