"""How long a network takes, before and after."""

from dataclasses import dataclass
from statistics import median

from torch import Tensor, get_num_threads, inference_mode, nn
from torch.utils.benchmark import Timer


@dataclass(frozen=True)
class Speed:
    """Seconds for one forward pass in evaluation mode: medians over `rounds` of timings taken in turn."""

    before: float
    after: float
    rounds: int

    @property
    def speed_up(self) -> float:
        """How many times faster the second network is."""
        return self.before / self.after


def compare_speed(before: nn.Module, after: nn.Module, example: Tensor, *, rounds: int = 30) -> Speed:
    """Time two networks on the same input, by turns, so that a busy machine slows both.

    Each timing is one forward pass after two that are not counted, by `torch.utils.benchmark`, which waits for GPUs, on
    as many threads as torch uses now. Train/eval modes are left as they were.

    >>> import torch
    >>> speed = compare_speed(nn.Linear(512, 512), nn.Linear(512, 8), torch.zeros(64, 512), rounds=5)
    >>> speed.before > 0, speed.after > 0
    (True, True)
    """
    networks = (before, after)
    modes = [{part: part.training for part in network.modules()} for network in networks]
    timers = [
        Timer(
            "network(example)", globals={"network": network.eval(), "example": example}, num_threads=get_num_threads()
        )
        for network in networks
    ]
    try:
        with inference_mode():
            seconds = [[timer.timeit(1).median for timer in timers] for _ in range(rounds)]
    finally:
        for network_modes in modes:
            for part, training in network_modes.items():
                part.training = training
    first, second = (median(column) for column in zip(*seconds, strict=True))
    return Speed(before=first, after=second, rounds=rounds)
