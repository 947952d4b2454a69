"""`Figure`: a kind of plot that papers declare in `figures.toml`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """A named kind of plot.

    `draw(table, canvas, **options)` draws the rows of a `Table` (one per network and measure step, see
    `report/table.py`) on a `Canvas` and returns the caption's last sentences. Options are keyword-only and become keys
    of `[[figure]]`.
    """

    id: str
    draw: Callable[..., str]
    about: str
    """What it shows, in one sentence."""

    @property
    def options(self) -> dict[str, Any]:
        """Option name -> default (keyword-only parameters of `draw`)."""
        from pruneproof.contracts.functions import options

        return options(self.draw)
