"""`Figure`: a kind of plot that papers declare in `figures.toml`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pruneproof.contracts.functions import options


@dataclass(frozen=True)
class Figure:
    """A named kind of plot.

    `draw(table, canvas, *, options)` draws the rows of a `drawing.Table` on a `drawing.Canvas` and returns what the
    caption says of it, in whole sentences. Options are keyword-only with defaults and become keys of `[[figure]]`.

    It checks its options before it looks for rows, because it is tried on a table without any when a paper is read;
    names of metrics and columns are checked by `table.quantity` and `table.check_column`. Where there is nothing worth
    showing it asks the canvas for no panel, and there is no figure. The same table gives the same drawing: nothing may
    depend on time, chance, or matplotlib's global state.
    """

    id: str
    draw: Callable[..., str]
    about: str
    """What it shows, in one sentence."""
    per: Literal["run", "record", "question"] = "run"
    """Whether it is drawn for each run from the run's rows, once from all rows and claims, or for each question.

    A question is one that the paper raises, with the claims that answer it; it is drawn once more for the other claims.
    """

    @property
    def options(self) -> dict[str, Any]:
        """Option name -> default (keyword-only parameters of `draw`)."""
        return options(self.draw)
