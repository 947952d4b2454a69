"""What a record says about the machine and the software it ran on."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pruneproof import _engine
from pruneproof.contracts.numerics import MOVES_BITS
from pruneproof.errors import DeviceMissing

PACKAGES = ("pruneproof", "torch", "torchvision", "numpy", "scipy", "scikit-learn", "safetensors", "pluggy", "pydantic")


def describe_environment(device: str) -> dict[str, Any]:
    """Return versions, processor, kernels, cores, memory, device and engine build as JSON values.

    `variables` are those of the user's environment by which libraries choose kernels; it is left out where none is set.
    """
    import torch

    variables = {name: os.environ[name] for name in MOVES_BITS if name in os.environ}
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "kernels": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
        "memory_gib": _memory_gib(),
        "device": torch.cuda.get_device_name(0) if device == "cuda" else "cpu",
        "versions": {name: _version(name) for name in PACKAGES} | {"torch": str(torch.__version__)},
        "engine": _engine.build_info(),
        **({"variables": variables} if variables else {}),
    }


def choose_device(wanted: str) -> str:
    """Return `cpu` or `cuda` for `auto`, `cpu` or `cuda`.

    Raises:
        DeviceMissing: `cuda` was asked for and torch sees none.
    """
    import torch

    there = torch.cuda.is_available()
    if wanted == "cuda" and not there:
        built = f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "built without CUDA"
        raise DeviceMissing(
            f"device cuda was asked for, and torch {torch.__version__} ({built}) finds no usable GPU. Use --device "
            "cpu, or install a driver and a torch build that match; `repro doctor` shows what is there."
        )
    return "cuda" if wanted == "cuda" or (wanted == "auto" and there) else "cpu"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError):
        return None
