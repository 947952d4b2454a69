"""The closed vocabulary of what a criterion may ask for.

A criterion's positional parameter names are ingredients; only those are computed. Keyword-only parameters with defaults
are its options and become config keys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:  # the command line's start-up does without torch
    import torch

Tensors: TypeAlias = Mapping[str, "torch.Tensor"]
"""State-dict name -> tensor, on the model's device, restricted to the prunable weights."""

CurvatureKind: TypeAlias = Literal["ggn", "ggn-mc", "fisher"]
"""The matrices whose diagonal `Probe.curvature` returns."""

INGREDIENTS: Mapping[str, str] = {
    "weights": "the prunable weights, dead ones zero",
    "grads": "gradient of the mean training loss with respect to the weights, on the scoring samples",
    "fisher": "diagonal of the empirical Fisher on the scoring samples: the mean of squared per-sample gradients",
    "activations": "L2 norm over the scoring samples of the input feature that each weight multiplies",
    "alive": "the current mask, bool",
    "initial": "the prunable weights as the network was initialised, dead ones included",
    "scales": "per output unit, the weight of the normalisation that follows the layer; 1 where none does",
    "rng": "a torch.Generator on the CPU, seeded from the run's `criterion` stream",
    "probe": "gradients, Hessian-vector products and diagonals of curvature, as the criterion asks for them",
}


class Probe(Protocol):
    """Derivatives and layer inputs of the masked model on the scoring samples, without access to the model itself.

    Every call leaves weights, gradients, buffers, train/eval mode and global RNG states untouched, and returns one
    tensor per prunable weight, by name.

    Symbols: w the prunable weights, m their mask (1 alive, 0 dead) and θ = m ⊙ w the point looked at; z_n(θ) the logits
    and y_n the label of sample n of N; T the temperature, a number above 0 by which the logits are divided before the
    cross-entropy ℓ (in nats). The loss is

        L(θ) = 1/N Σ_n ℓ(z_n(θ) / T, y_n),

    in which every sample weighs alike, however the samples are split into batches. `inputs`, `objective` and `every`
    replace it. Derivatives are with respect to w, ∂L(m ⊙ w)/∂w, and hence exactly 0 at dead weights, unless `dead` asks
    for those with respect to θ.

    Dtype: float64 where `double`, else the weights' own. The parameters and inputs are converted before the model is
    called.

    BatchNorm and dropout: with `train_mode`, BatchNorm normalises by the mean and variance of each scoring batch, so
    that the split into batches matters, and dropout draws the same units at every call; without, BatchNorm uses its
    running statistics and dropout is off. The mode decides the result: under batch statistics the loss does not depend
    on the scale of a filter w_f in front of BatchNorm, so that w_f · g_f = 0 and w_f · (Hg)_f = -‖g_f‖², up to
    BatchNorm's ε. What released codes do:

    * batch statistics: GraSP (Wang et al. 2020), FORCE (de Jorge et al. 2021), "Sanity-Checking Pruning Methods" (Su et
      al. 2020), ProsPr (Alizadeh et al. 2022);
    * running statistics: SNIP (Lee et al. 2019), SynFlow (Tanaka et al. 2020; for all of its criteria unless a flag
      says otherwise), "A Gradient Flow Framework" (Lubana, Dick 2021), EarlyCroP (Rachwan et al. 2022), WoodFisher
      (Singh, Alistarh 2020), CHITA (Benbaki et al. 2023);
    * NTK-SAP (Wang et al. 2023) sets the running statistics by one pass in train mode and then scores with them.
    """

    def loss(
        self,
        *,
        at: Tensors | None = None,
        train_mode: bool = False,
        double: bool = False,
        temperature: float = 1.0,
    ) -> float:
        """Return L itself, in nats.

        Args:
            at: the prunable weights to look at, of the weights' shapes; the model's own when None. Dead ones count as
                zero.
            train_mode: BatchNorm on the statistics of each batch (True) or its running ones (False).
            double: compute in float64.
            temperature: T > 0.

        Raises:
            BadConfig: no scoring samples, or a temperature out of range.
            BadTensor: `at` has other names or shapes than the prunable weights.
        """
        ...

    def gradients(
        self,
        *,
        at: Tensors | None = None,
        inputs: Literal["data", "ones"] = "data",
        objective: Literal["loss", "sum-output"] = "loss",
        every: Callable[[torch.Tensor], torch.Tensor] | None = None,
        train_mode: bool = True,
        double: bool = False,
        temperature: float = 1.0,
        dead: bool = False,
    ) -> Tensors:
        """Return the gradient of the objective, of the weights' shapes.

        g = ∂L(m ⊙ w)/∂w, or, with `dead`, ∂L(θ)/∂θ at θ = m ⊙ w: at alive weights both are the same; at dead ones the
        first is 0 and the second says how the loss would change if the weight left zero. The latter is what RigL grows
        by (Evci et al. 2020, arXiv 1911.11134) and what FORCE multiplies by the weights before pruning (de Jorge et al.
        2021, arXiv 2006.09081).

        Args:
            at: the prunable weights to differentiate at, of the weights' shapes; the model's own when None. Dead ones
                count as zero.
            inputs: the scoring samples, or one input of ones of their shape.
            objective: L, or the sum of all outputs over all inputs (SynFlow's R), which knows no temperature.
            every: applied to every *other* parameter and to the buffers (SynFlow: `torch.abs`); identity when None.
            train_mode: BatchNorm on the statistics of each batch (True) or its running ones (False).
            double: compute in float64 (SynFlow on deep networks overflows float32).
            temperature: T > 0; GraSP takes 200.
            dead: report the derivative at dead weights too.

        Raises:
            BadConfig: no scoring samples, a loss asked for on ones (they have no label), or a temperature out of range.
            BadTensor: `at` has other names or shapes than the prunable weights.
        """
        ...

    def hessian_vector(
        self,
        vector: Tensors,
        *,
        temperature: float = 1.0,
        train_mode: bool = True,
        double: bool = False,
        dead: bool = False,
    ) -> Tensors:
        """Return the Hessian of L at the model's weights times `vector`, of the weights' shapes.

        H v = ∂(v · ∂L/∂w)/∂w, by differentiating twice, batch by batch. The kinks of ReLU and max-pooling count as
        flat. With `dead` the Hessian is ∂²L/∂θ² at θ = m ⊙ w, with rows and columns for dead weights too; without, it
        is that matrix with the rows and columns of dead weights zero.

        Args:
            vector: one tensor per prunable weight, of its shape; without `dead`, entries of dead weights count as zero.
            temperature: T > 0.
            train_mode: BatchNorm on the statistics of each batch (True) or its running ones (False).
            double: compute in float64: w ⊙ (Hg) cancels in float32, the more the higher the temperature.
            dead: let dead weights count as parameters that are zero, in `vector` and in the answer.

        Raises:
            BadConfig: no scoring samples, or a temperature out of range.
            BadTensor: `vector` has other names or shapes than the prunable weights.
        """
        ...

    def curvature(
        self,
        kind: CurvatureKind = "ggn",
        *,
        draws: int = 10,
        double: bool = False,
        temperature: float = 1.0,
        train_mode: bool = False,
    ) -> Tensors:
        """Return the diagonal of a curvature matrix of L at the model's weights, of their shapes, >= 0; 0 at dead ones.

        1/N Σ_n diag(J_nᵀ C_n J_n) with J_n = ∂z_n/∂w and p_n = softmax(z_n / T), where C_n is

        * `ggn`, the generalised Gauss-Newton matrix (Schraudolph 2002): the Hessian of ℓ in the logits, (diag(p_n) -
          p_n p_nᵀ) / T²;
        * `ggn-mc`: the same, estimated from labels drawn from p_n;
        * `fisher`, the empirical Fisher matrix: (p_n - e_y)(p_n - e_y)ᵀ / T², so that the diagonal is the mean of
          squared per-sample gradients.

        Args:
            kind: see above.
            draws: labels per sample for `ggn-mc`, >= 1, the same at every call.
            double: compute in float64.
            temperature: T > 0.
            train_mode: refused when True: under batch statistics no sample has logits of its own.

        Raises:
            BadConfig: no scoring samples, an unknown kind, fewer than one draw, a temperature out of range, or
                `train_mode`.
        """
        ...

    def sample_gradients(
        self,
        *,
        limit: int | None = None,
        train_mode: bool = False,
        double: bool = False,
        temperature: float = 1.0,
    ) -> Tensors:
        """Return g_n = ∂ℓ(z_n(m ⊙ w) / T, y_n)/∂w of each sample, shape (n, *weight shape); 0 at dead weights.

        Samples come in the order of the batches. Their mean is `gradients(train_mode=False)`, the mean of their squares
        `curvature("fisher")`. Second-order methods build the empirical Fisher matrix 1/n Σ_n g_n g_nᵀ from them
        (WoodFisher, Singh, Alistarh 2020, arXiv 2004.14340). BatchNorm uses its running statistics.

        Memory: the answer holds n numbers per prunable weight (4 bytes each, 8 if `double`). The work on top of it goes
        by chunks of samples that hold 2^26 gradients and layer outputs at a time, or those of one sample where they are
        more.

        Args:
            limit: take the first so many samples, >= 1; all of them when None or where there are fewer.
            train_mode: refused when True: under batch statistics no sample has a loss of its own.
            double: compute in float64.
            temperature: T > 0.

        Raises:
            BadConfig: no scoring samples, a limit below 1, a temperature out of range, or `train_mode`.
        """
        ...

    def activations(self, *, train_mode: bool = False) -> Tensors:
        """Return, for each weight, the L2 norm over the samples of the input feature that it multiplies.

        The feature of a linear layer's weight is one input unit, that of a convolution's weight one input channel at
        all its positions (padding left out, and the same for every place in the kernel). Further axes, such as time
        steps, count as samples. Where layers share a weight, only the one that the weight is named after counts. The
        answer has the weight's shape, repeated without taking memory: do not write into it. The ingredient
        `activations` is this with `train_mode=False`.

        Args:
            train_mode: BatchNorm on the statistics of each batch (True) or its running ones (False).

        Raises:
            BadConfig: no scoring samples, or a weight that belongs to no linear layer or convolution.
        """
        ...

    def layer_gram(self, *, train_mode: bool = False) -> Tensors:
        """Return, for each weight, the second moments of the input features that it multiplies.

        G = 1/N Σ_n Σ_s x_ns x_nsᵀ over samples n and, within a sample, the places s at which the layer is applied:
        positions of a kernel, time steps, further calls of the layer, and of other layers that share the weight. Row
        and column i of G belong to column i of the weight flattened to (outputs, inputs): for a linear layer the input
        units, for a convolution the C_in / groups · k · k entries of the patch under the kernel, zeros of the padding
        included. If one output's row of the weight changes by δ, that output changes by δᵀ G δ: the square, summed over
        places, in the mean over samples. Layer-wise Optimal Brain Surgeon works with H = 2 G (Frantar, Alistarh 2022,
        arXiv 2208.11580). Biases are left out.

        Shape (groups, d, d), with 1 group but for grouped convolutions, whose weight is (groups, outputs / groups, d)
        when reshaped; float64, symmetric up to rounding. Memory: groups · d² numbers of 8 bytes per weight (170 MB for
        512 channels and a kernel of 3 x 3), and the inputs x_ns in chunks of 2^26 numbers.

        Args:
            train_mode: BatchNorm on the statistics of each batch (True) or its running ones (False).

        Raises:
            BadConfig: no scoring samples, or a weight that belongs to no linear layer or convolution.
        """
        ...
