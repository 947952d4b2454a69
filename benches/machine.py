"""What a record says about where its figures were taken."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from pruneproof.pipeline.environment import describe_environment


def describe() -> dict[str, Any]:
    """Return processor, caches, instruction set, memory, versions and the load just now."""
    return describe_environment("cpu") | {
        "caches": list(_caches()),
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        "rustc": _compiler(),
        "load_before": [round(each, 2) for each in os.getloadavg()],
    }


def slug(machine: dict[str, Any]) -> str:
    """Return a machine's name as part of a file's name.

    >>> slug({"processor": "AMD EPYC", "cores": 2})
    'amd-epyc-2-cores'
    """
    return re.sub(r"[^a-z0-9]+", "-", f"{machine['processor']} {machine['cores']} cores".lower()).strip("-")


def _compiler() -> str | None:
    if shutil.which("rustc") is None:
        return None
    return subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.strip()


def _caches() -> Iterator[str]:
    """Say the size of each cache that the first processor sees, where the system tells."""
    for cache in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((cache / each).read_text(encoding="utf-8").strip() for each in ("level", "type", "size"))
        yield f"L{level} {kind.lower()} {size}"
