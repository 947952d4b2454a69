"""What is selected from, and the answer that must come out."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from pruneproof import MaskSet

SPARSITIES = (0.5, 0.9, 0.99)
RESNET50 = 25_600_000
VGG16 = 138_344_128
_VGG16_TENSORS = (
    *(1_728, 36_864, 73_728, 147_456, 294_912, 589_824, 589_824, 1_179_648),
    *(2_359_296,) * 5,
    *(102_760_448, 16_777_216, 4_096_000),
)


@dataclass(frozen=True)
class Case:
    """Weights that lie one after the other in memory, and how they are cut into tensors."""

    name: str
    memory: torch.Tensor
    sizes: tuple[int, ...]
    score: str = "magnitude"
    _cuts: dict[float, float] = field(default_factory=dict)

    @property
    def dtype(self) -> str:
        """The dtype's name."""
        return str(self.memory.dtype).removeprefix("torch.")

    @property
    def size(self) -> int:
        """Number of weights."""
        return self.memory.numel()

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return the tensors by name; names sort as their memory lies."""
        return {f"{i:05}.weight": each for i, each in enumerate(self.memory.split(self.sizes))}

    def keep(self, sparsity: float) -> int:
        """Return how many weights stay."""
        return self.size - int(self.size * sparsity)

    def check(self, sparsity: float, kept: NDArray[np.bool_], *, ties: bool = False) -> None:
        """Hold a mask against NumPy: nothing below the boundary is kept, all above it is, and the count is exact.

        With `ties`, more may be kept at the boundary itself, which is what a comparison with it does.
        """
        scores, cut = self._scores(), self.cut(sparsity)
        count = int(np.count_nonzero(kept))
        assert count >= self.keep(sparsity) if ties else count == self.keep(sparsity), (self.name, sparsity, count)
        assert not np.any(kept & (scores < cut)), (self.name, sparsity)
        assert not np.any(~kept & (scores > cut)), (self.name, sparsity)

    def check_masks(self, sparsity: float, masks: MaskSet) -> None:
        """Hold a selection against NumPy, with its threshold."""
        assert masks.count() == self.keep(sparsity)
        assert masks.threshold == self.cut(sparsity), (self.name, masks.threshold, self.cut(sparsity))
        self.check(sparsity, np.concatenate([masks.array(name).reshape(-1) for name in masks]))

    def cut(self, sparsity: float) -> float:
        """Return the smallest score kept; those of all sparsities are found at once, and remembered."""
        if not self._cuts:
            places = [self.size - self.keep(each) for each in SPARSITIES]
            ranked = np.partition(self._scores(), places)
            self._cuts.update({each: float(ranked[place]) for each, place in zip(SPARSITIES, places, strict=True)})
        return self._cuts[sparsity]

    def _scores(self) -> NDArray[np.floating]:
        numbers = self.memory.float() if self.memory.dtype == torch.bfloat16 else self.memory
        return (numbers if self.score == "given" else numbers.abs()).numpy()


def resnet50() -> Case:
    """Return 25.6 million weights in 54 tensors."""
    return Case("ResNet-50's size", _normal(RESNET50 // 54 * 54), (RESNET50 // 54,) * 54)


def vgg16() -> Case:
    """Return VGG-16's tensors; three quarters of the weights are in one."""
    return Case("VGG-16", _normal(VGG16), _VGG16_TENSORS)


def cliffs(size: int) -> Iterator[Case]:
    """Yield inputs that deceive a sample, or leave many weights at the cut; each is made when it is asked for."""
    one = (size,)
    yield Case("all equal", torch.ones(size), one)
    yield Case("two values", torch.where(_chosen(size, 0.5), -1.0, 0.5), one)
    yield Case("90 % zeros", _normal(size) * _chosen(size, 0.1), one)
    yield Case("sorted", torch.arange(size, dtype=torch.float32), one, score="given")
    yield Case("reversed", torch.arange(size, 0, -1, dtype=torch.float32), one, score="given")
    yield Case("denormals", _normal(size).view(torch.int32).bitwise_and_(0x7FFFFF).view(torch.float32), one)
    yield Case("one huge among 5000 tiny", _normal(size), (20,) * 2_500 + (size - 100_000,) + (20,) * 2_500)
    yield Case("some dozen levels", (8 * _normal(size)).round_(), one)
    yield Case("runs of 16", _normal(size // 16).repeat_interleave(16), one)
    yield Case("runs of 4096", _normal(size // 4096 + 1).repeat_interleave(4096)[:size], one)
    yield Case("ties of bfloat16", _normal(size).bfloat16(), one)


def small() -> Iterator[Case]:
    """Yield one layer, and requests that are over before a thread has started."""
    yield Case("one million weights", _normal(1_000_000), (1_000_000,))
    yield Case("1 tensor of 1000", _normal(1_000), (1_000,))
    yield Case("3 tensors of 30 000", _normal(90_000), (30_000,) * 3)
    yield Case("60 tensors of 1000", _normal(60_000), (1_000,) * 60)


def _normal(size: int) -> torch.Tensor:
    return torch.randn(size, generator=torch.Generator().manual_seed(0))


def _chosen(size: int, fraction: float) -> torch.Tensor:
    return torch.rand(size, generator=torch.Generator().manual_seed(1)) < fraction
