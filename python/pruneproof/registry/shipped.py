"""Folders that travel with the package: the papers, and the tutorial plugin."""

from pathlib import Path

_PLACES = {"papers": "papers", "template": "plugins/template"}
"""Name -> its place in the repository."""


def shipped(name: str) -> Path:
    """Return `papers` or `template`: inside an installed package, or where the repository has it.

    The build puts them into wheels (`build_backend.py`), so that a checkout needs no links and holds them once.
    """
    package = Path(__file__).parents[1]
    inside = package / f"_{name}"
    return inside if inside.is_dir() else package.parents[1] / _PLACES[name]
