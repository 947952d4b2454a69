"""CroP-S and EarlyCroP-S: keep the nodes whose gates would change the gradient norm most."""

from pruneproof.api import Criterion, Probe, Source, Tensors


def crop_nodes(weights: Tensors, probe: Probe) -> Tensors:
    """Return g² + θ ⊙ Hg, of either sign; its absolute sum over the weights that read a node is the node's score.

    Rachwan et al. (2022), arXiv 2206.10451, CroP-S and EarlyCroP-S. A gate c_j = 1 multiplies node j where it is read,
    and the score is |∂z/∂c_j| for z = Σ_w ⟨stop(g_w), g_w(c)⟩ over all weights, g(c) = ∂L/∂w in the gated network. A
    gate is the same as a factor on the weights that read the node, θ̃ = c_j θ, so that g_w(c) = c_j ∂L/∂θ̃ and

        ∂z/∂c_j = Σ_{w reads j} (g_w² + θ_w (Hg)_w).

    Select with structure = "node" and reduce = "abs-of-sum". The authors rank all nodes in one scope, keep one at least
    in each layer (a floor) and prune once, by the mean gradient of five batches in evaluation mode, at temperature 1.
    CroP-S prunes at initialisation; when EarlyCroP-S prunes, the criterion `early-crop` tells.

    Deviations: the nodes are those of the structure, inputs of the network left out (as theirs are unless a flag says
    otherwise); the mask takes away what reads a node, and the authors remove the node's own filters, biases and
    normalisation too, which are without effect then. Computed in float64, since the products cancel.

    >>> import torch
    >>> class Bowl:  # L = ½ (w · h)² with one linear unit, h = (1, 2) what it reads: g = (w · h) h, Hg = h (h · g)
    ...     h, w = torch.tensor([1.0, 2.0]), torch.tensor([3.0, -1.0])
    ...     def gradients(self, **_):
    ...         return {"w": (self.w @ self.h) * self.h}
    ...     def hessian_vector(self, vector, **_):
    ...         return {"w": self.h * (self.h @ vector["w"])}
    >>> crop_nodes({"w": Bowl.w}, Bowl())["w"].tolist()  # z = Σ_j g_j (c · (w h)) c_j h_j
    [16.0, -6.0]

    Args:
        weights: θ, name -> tensor of any shape, dead weights zero.
        probe: gives g and Hg in evaluation mode.

    Returns:
        Scores of the weights' shapes, float64.

    Raises:
        BadConfig: no scoring samples.
    """
    slopes = probe.gradients(train_mode=False, double=True)
    product = probe.hessian_vector(slopes, train_mode=False, double=True)
    return {name: slopes[name].double().square() + weight.double() * product[name] for name, weight in weights.items()}


CROP_NODES = Criterion(
    id="crop-nodes",
    score=crop_nodes,
    source=Source(
        authors="Rachwan, Zügner, Charpentier, Geisler, Ayle, Günnemann",
        year=2022,
        title="Winning the Lottery Ahead of Time: Efficient Early Network Pruning",
        arxiv="2206.10451",
        equation="CroP-S; code: CroPStructured.py",
    ),
    laws=frozenset({"batch-order-invariant", "loss-scale-invariant", "zero-for-zero-gradient"}),
)
