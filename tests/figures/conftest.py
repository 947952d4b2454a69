"""Tables of a few made-up networks and of the committed records, and what a kind of figure draws of them."""

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pruneproof.drawing import Canvas, MetricInfo, Row, Table
from pruneproof.drawing.style import house_style
from pruneproof.papers.record import Record
from pruneproof.registry.catalog import build_catalog
from pruneproof.report.table import completed, table_of, with_names

ROOT = Path(__file__).parents[2]
TEXT = "{http://www.w3.org/2000/svg}text"
METRICS = {
    "accuracy": MetricInfo("%", better="larger", about="top-1 accuracy"),
    "loss-change": MetricInfo("nats", better="smaller"),
    "weights": MetricInfo("weights"),
    "macs-pruned": MetricInfo(),
    "densities": MetricInfo(per="tensor"),
}
SETTINGS = frozenset({"criterion", "iterations", "penalty"})
DROPS = {"global": 1.0, "uniform": 2.0, "random": 8.0}


@dataclass(frozen=True)
class Drawn:
    """What a kind of figure made of a table."""

    canvas: Canvas
    caption: str
    svg: str

    @property
    def panels(self):
        return self.canvas.panels

    @property
    def words(self):
        """All texts in the drawing."""
        return ["".join(each.itertext()) for each in ElementTree.fromstring(self.svg).iter(TEXT)]


@pytest.fixture(scope="session")
def draw():
    """Draw a kind of figure: (figure, table, options) -> what it made, None where there was nothing to show."""

    def drawn(kind, table, **options):
        canvas = Canvas(table, "mlp")
        with house_style():
            caption = kind.draw(table, canvas, **options)
            return Drawn(canvas, caption, canvas.to_svg()) if canvas.figure is not None else None

    return drawn


def networks(method, sparsity, seeds, settings=None, at="end", **values):
    """Return rows of one method: each value is called with the seed."""
    found = {name.replace("_", "-"): value for name, value in values.items()}
    return [
        Row("mlp", method, sparsity, seed, at, settings or {}, {name: value(seed) for name, value in found.items()})
        for seed in seeds
    ]


def as_table(rows):
    return Table(tuple(rows), METRICS, SETTINGS)


@pytest.fixture(scope="session")
def accuracies():
    """Three methods at three sparsities, five seeds, and the dense network."""
    seeds = range(5)
    rows = networks("dense", 0.0, seeds, accuracy=lambda seed: 97.0 + 0.1 * seed)
    for method, drop in DROPS.items():
        for sparsity in (0.8, 0.9, 0.98):
            rows += networks(
                method,
                sparsity,
                seeds,
                accuracy=lambda seed, drop=drop, sparsity=sparsity: 97.0 - drop / (1 - sparsity) ** 0.5 + 0.2 * seed,
                weights=lambda seed: 1000,
                macs_pruned=lambda seed, sparsity=sparsity: sparsity,
                densities=lambda seed, sparsity=sparsity: {"fc1.weight": 1 - sparsity, "fc2.weight": 0.01 * (seed > 0)},
            )
    return as_table(rows)


@pytest.fixture(scope="session")
def losses():
    """A grid of criterion, iterations and penalty, magnitude outside of it, and a control beside it."""
    seeds = range(3)
    rows = networks("mp", 0.95, seeds, {"criterion": "magnitude", "iterations": 1}, "pruned", loss_change=lambda _: 2.0)
    for place, name in enumerate(("linear-model", "obd")):
        for iterations in (1, 14, 140):
            for penalty in (0.0, 0.01, 100.0):
                change = (
                    1.5 - 0.002 * iterations - 0.2 * place + 0.1 * penalty / (1 + penalty) - 0.3 * (penalty == 0.01)
                )
                settings = {"criterion": name, "iterations": iterations, "penalty": penalty}
                method = f"{name}-{iterations}-{penalty:g}"
                wobble = {"loss_change": lambda seed, change=change: change + 0.01 * seed}
                rows += networks(method, 0.95, seeds, settings, "pruned", **wobble)
                rows += networks(
                    method, 0.95, seeds, settings, accuracy=lambda seed, change=change: 95.0 - 5 * change + 0.1 * seed
                )
    control = {"criterion": "obd", "iterations": 140}
    rows += networks("obd-140-fixed", 0.95, seeds, control, "pruned", loss_change=lambda _: 0.123)
    return as_table(rows)


@pytest.fixture(scope="session")
def recorded():
    """Return the table of a committed record: paper, profile, run -> table."""
    catalog = build_catalog(["builtin"])

    def read(paper, profile, run=None):
        [*_, path] = sorted((ROOT / "papers" / paper / "records").glob(f"{profile}-*.json"))
        table = with_names(table_of(completed(Record.load(path), catalog)), catalog)
        return table.where({"run": run}) if run else table

    return read
