"""`Numerics`: named ways to compute in floating point on a CPU, so that other processors arrive at the same bits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

NumericsId = Literal["native", "x86-64-v3", "portable"]


@dataclass(frozen=True)
class Numerics:
    """One class: what a process is started with, and what torch must then say of itself.

    A class never changes: digests name it. Other settings are another class.
    """

    id: NumericsId
    about: str
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Variables that a process has before it loads torch."""
    capability: str = ""
    """What `torch.backends.cpu.get_cpu_capability()` must answer there; empty where anything will do."""
    onednn: bool = True
    """Whether torch may compute by oneDNN and NNPACK, which choose kernels by processor."""


NATIVE = Numerics("native", "the fastest kernels of each library for this processor; nothing is set")

NUMERICS: Mapping[str, Numerics] = MappingProxyType(
    {
        each.id: each
        for each in (
            NATIVE,
            Numerics(
                "x86-64-v3",
                "kernels for AVX2 and FMA, which x86-64 processors have since about 2015",
                MappingProxyType(
                    {
                        "ATEN_CPU_CAPABILITY": "avx2",
                        "ONEDNN_MAX_CPU_ISA": "AVX2",
                        "MKL_CBWR": "COMPATIBLE",  # MKL ignores AVX2 on processors that are not Intel's
                    }
                ),
                "AVX2",
            ),
            Numerics(
                "portable",
                "ATen's scalar kernels, MKL's oldest branch, no oneDNN: slow, a reference for the others",
                MappingProxyType({"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE"}),
                "DEFAULT",
                onednn=False,
            ),
        )
    }
)
"""Id -> class."""

MOVES_BITS = (
    *dict.fromkeys(name for each in NUMERICS.values() for name in each.environment),
    "MKL_ENABLE_INSTRUCTIONS",
)
"""Variables by which libraries choose kernels; a record keeps those that the user has set."""
