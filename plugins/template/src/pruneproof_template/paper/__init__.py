"""A paper: this folder holds what is run (runs.toml), what is claimed (claims.toml), and of whom (paper.toml)."""

from collections.abc import Iterable
from pathlib import Path

from pruneproof.api import hookimpl

pruneproof_api = 2
"""The version of the plugin API that this module was written for."""


@hookimpl
def pruneproof_papers() -> Iterable[Path]:
    """Register the folder."""
    return [Path(__file__).parent]
