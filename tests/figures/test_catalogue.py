"""All kinds: the same bytes in another process, odd values, and a page that lists their options."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pruneproof.drawing import MetricInfo, Row, Table
from pruneproof.figures.catalogue import FIGURES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "hooks" / "pruneproof_figures.md").read_text(encoding="utf-8")
KINDS = {figure.id: figure for figure in FIGURES}
PRINT_DIGESTS = """
import hashlib, sys
from pathlib import Path
from pruneproof.papers.load import load_paper
from pruneproof.papers.record import Record
from pruneproof.registry.catalog import build_catalog
from pruneproof.report.html import make_report
folder = Path(sys.argv[1])
record = Record.load(next((folder / "records").glob(f"{sys.argv[2]}-*.json")))
report = make_report(record, load_paper(folder), build_catalog(["builtin"]))
for plots in report.plots.values():
    for plot in plots:
        print(plot.name, hashlib.sha256((plot.svg + plot.caption).encode()).hexdigest())
"""


def odd(value):
    """Return a table in which every measurement is the same odd value."""
    metrics = {"accuracy": MetricInfo("%", better="larger"), "densities": MetricInfo(per="tensor")}
    values = {"accuracy": value, "densities": {"fc1": value, "fc2": value}}
    rows = [
        Row("mlp", method, sparsity, seed, "end", {}, values)
        for method, sparsity in (("dense", 0.0), ("a", 0.5), ("a", 0.9), ("b", 0.5), ("b", 0.9))
        for seed in range(3)
    ]
    return Table(tuple(rows), metrics)


def test_the_page_lists_every_kind_with_its_options():
    rows = dict(re.findall(r"^\| `([\w-]+)` \| [^|]+ \| `([^`]+)` \|$", PAGE, re.MULTILINE))
    assert {kind: set(options.split()) for kind, options in rows.items()} == {
        kind: set(figure.options) for kind, figure in KINDS.items()
    }


def test_every_option_is_explained_in_the_docstring():
    for kind, figure in KINDS.items():
        for option in figure.options:
            assert f"        {option}: " in figure.draw.__doc__, (kind, option)


def test_the_example_of_the_page_draws(draw, accuracies):
    [source] = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    names = {}
    exec(compile(source, "my_figure.py", "exec"), names)
    [figure] = names["pruneproof_figures"]()
    drawn = draw(figure, accuracies)
    assert len(drawn.panels[0].axes.patches) == 4
    assert {"global", "random", "accuracy (%)"} <= set(drawn.words)


@pytest.mark.parametrize("value", [0, 0.0, 1.0, 100.0, 1e-12, 1e12, True, None])
@pytest.mark.parametrize("kind", KINDS)
def test_odd_values_can_be_drawn(draw, kind, value):
    drawn = draw(KINDS[kind], odd(value))
    assert drawn is None or drawn.words


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_table_shows_nothing(draw, kind):
    assert draw(KINDS[kind], Table(())) is None


@pytest.mark.slow
@pytest.mark.parametrize(("paper", "profile"), [("global-mp", "mini"), ("loss-modelling", "cpu")])
def test_another_process_with_another_hash_seed_draws_the_same_bytes(paper, profile):
    answers = {
        subprocess.run(
            [sys.executable, "-c", PRINT_DIGESTS, str(ROOT / "papers" / paper), profile],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(answers) == 1
    assert len(answers.pop().splitlines()) >= 4


def test_looking_kinds_up_does_not_load_matplotlib():
    code = "import sys, pruneproof.figures.catalogue; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_pyplot_is_never_loaded():
    code = "import sys, pruneproof.report.html, pruneproof.drawing as d; d.Canvas().new_panels(); "
    code += "sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
