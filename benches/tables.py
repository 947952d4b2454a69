"""The tables that are printed; the record holds more digits."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.table import Table

Row = Mapping[str, Any]
Column = tuple[str, Callable[[Row], str]]


def table(name: str, rows: Sequence[Row]) -> Table:
    """Lay out the rows of one kind of measurement, each with its target and whether that is met."""
    title, columns = _TABLES[name]
    made = Table(title=title, title_justify="left", title_style="bold", expand=True)
    for place, (heading, _) in enumerate(columns):
        made.add_column(heading, justify="right" if place else "left", no_wrap=True)
    made.add_column("", no_wrap=True, min_width=6)
    for row in rows:
        made.add_row(*(text(row) for _, text in columns), _verdict(row["met"]))
    return made


def _verdict(met: bool | None) -> str:
    return "" if met is None else "[green]met[/]" if met else "[red]missed[/]"


def _number(key: str, digits: int = 1, unit: str = "") -> Callable[[Row], str]:
    return lambda row: "-" if row[key] is None else f"{row[key]:,.{digits}f}{unit}"


def _text(key: str) -> Callable[[Row], str]:
    return lambda row: str(row[key])


def _millions(row: Row) -> str:
    return f"{row['weights'] / 1e6:.1f} M"


def _least(key: str) -> Callable[[Row], str]:
    return lambda row: f"{min(row[key].values()):.1f}"


def _ratio(sparsity: str) -> Callable[[Row], str]:
    return lambda row: f"{row['ratios'][sparsity]:.2f}"


_READING: tuple[Column, ...] = (
    ("input", _text("input")),
    ("weights", _millions),
    ("read, ms", _least("reads_ms")),
    ("at 0.5", _ratio("0.5")),
    ("at 0.9", _ratio("0.9")),
    ("at 0.99", _ratio("0.99")),
    ("at most", _number("target")),
)
_TRAINING: tuple[Column, ...] = (
    ("network", _text("network")),
    ("steps/s", _number("steps_per_second", 0)),
    ("/ barest", _number("ratio", 2)),
    ("/ passes", _number("passes_ratio", 2)),
    ("at most", _number("target", 2)),
)
_TABLES: Mapping[str, tuple[str, tuple[Column, ...]]] = {
    "networks": ("Selection by sparsity, in readings of the same memory", _READING),
    "cliffs": ("The same on awkward inputs", _READING),
    "memory": (
        "Memory of a selection",
        (
            ("input", _text("input")),
            ("scores, MB", _number("scores_mb")),
            ("extra, MB", _number("extra_mb")),
            ("at most", _number("target_mb")),
        ),
    ),
    "calls": (
        "Short calls",
        (
            ("input", _text("input")),
            ("call, µs", _number("call_us", 0)),
            ("engine, µs", _number("engine_us", 0)),
            ("beyond it, µs", _number("beyond_us", 0)),
            ("bounded", _text("bounded")),
            ("at most", _number("target_us", 0)),
        ),
    ),
    "masks": (
        "Masks applied in place, against reading and writing the same memory",
        (
            ("dtype", _text("dtype")),
            ("weights", _millions),
            ("change, ms", _least("changes_ms")),
            ("apply, ms", _number("apply_ms")),
            ("apply / change", _number("ratio", 2)),
        ),
    ),
    "training": ("Dense training, in times of the barest loop and of its two passes alone", _TRAINING),
    "masked_training": ("The same under masks", _TRAINING),
    "epochs": (
        "What belongs to an epoch, masked, in ms",
        (
            ("network", _text("network")),
            ("epoch", _number("epoch_ms")),
            ("of it masks", _number("masks_ms")),
            ("watching", _number("watching_ms")),
            ("of it evaluation", _number("evaluation_ms")),
            ("checkpoint", _number("checkpoint_ms")),
        ),
    ),
    "stages": (
        "Stages of a small run, mean in ms",
        (
            ("kind", _text("kind")),
            ("stages", _number("stages", 0)),
            ("epochs", _number("training_ms")),
            ("other work", _number("work_ms")),
            ("store", _number("store_ms")),
        ),
    ),
    "processes": (
        "Processes",
        (
            ("what", _text("what")),
            ("wall, s", _number("seconds", 2)),
            ("processor, s", _number("processor_seconds", 2)),
            ("at most", _number("target", 0)),
        ),
    ),
    "peers": (
        "Other tools at sparsity 0.9",
        (
            ("tool", _text("peer")),
            ("weights", _millions),
            ("tool, ms", _number("peer_ms", 0)),
            ("select, ms", _number("select_ms")),
            ("times as fast", _number("times", 0)),
            ("at least", _number("target", 0)),
        ),
    ),
}
