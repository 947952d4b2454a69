"""Differences that no claim is about are listed where the seeds decide them."""

import pytest

from pruneproof.papers.claims import Evidence, judge
from pruneproof.papers.load import load_paper
from pruneproof.papers.record import Cell, MetricRecord, Record
from pruneproof.papers.uncompared import uncompared
from pruneproof.registry.catalog import build_catalog
from pruneproof.report.exploratory import SHOWN, exploratory_rows, exploratory_sentence

COMPARED = """
[[claim]]
id = "compared"
kind = "re-run"
text = "Global is above uniform at 98 %."
where = "nowhere"
strength = "control"
why = "plain"
test = { id = "paired-difference", relation = ">" }
evidence.mini.operands = [
  { run = "mlp", method = "global", sparsity = 0.98 }, { run = "mlp", method = "uniform", sparsity = 0.98 },
]
"""


@pytest.fixture
def found(tiny):
    """Return what is found for accuracies by (method, sparsity): a number per seed."""

    def of(accuracies, better="larger", verdicts=True):
        paper = load_paper(tiny)
        catalog = build_catalog(paper.info.plugins)
        cells = tuple(
            Cell(
                run="mlp", method=method, sparsity=sparsity, seed=seed, stages=(), measured={"end": {"accuracy": each}}
            )
            for (method, sparsity), values in accuracies.items()
            for seed, each in enumerate(values)
        )
        claims = judge(Evidence(paper, "mini", catalog, cells, {})) if verdicts else ()
        metrics = {"accuracy": MetricRecord(unit="%", better=better)}
        record = Record.model_construct(
            profile="mini", variant=(), plugins=(), cells=cells, metrics=metrics, claims=claims
        )
        return uncompared(paper, record, catalog)

    return of


GLOBAL = [90.0, 91.0, 92.0, 93.0, 94.0]
DENSE = [97.0] * 5


def test_a_method_that_no_claim_compares_is_listed_with_its_interval_if_clear_of_zero(found):
    better = [each + 3 for each in GLOBAL]
    [each] = found({("dense", 0.0): DENSE, ("global", 0.98): GLOBAL, ("uniform", 0.98): better})
    assert (each.run, each.sparsity, each.method, each.reference) == ("mlp", 0.98, "uniform", "global")
    step = 100 / 599  # one image of the test split, half of it to either side
    assert (each.value, each.low, each.high) == pytest.approx((3.0, 3 - step / 2, 3 + step / 2))
    assert (each.n, each.level, each.is_better) == (5, 0.9375, True)


def test_what_a_claim_compares_is_not_listed_unless_it_was_not_judged(found, tiny):
    with (tiny / "claims.toml").open("a") as file:
        file.write(COMPARED)
    accuracies = {("global", 0.98): GLOBAL, ("uniform", 0.98): [each + 3 for each in GLOBAL]}
    assert found(accuracies) == []
    assert len(found(accuracies, verdicts=False)) == 1


@pytest.mark.parametrize("values", [[95.0, 91.5, 95.0, 92.5, 97.0], [95.0, 96.0, 97.0, 98.0]])
def test_what_the_seeds_do_not_decide_is_not_listed(found, values):
    crossing = [value - (4 if place == 2 else 0) for place, value in enumerate(values)]
    assert found({("global", 0.98): GLOBAL, ("uniform", 0.98): crossing}) == []


def test_better_methods_come_first_then_the_most_extreme(found):
    wide = [each + shift for each, shift in zip(GLOBAL, (1, 2, 3, 4, 5), strict=True)]
    accuracies = {
        ("global", 0.9): GLOBAL,
        ("imp", 0.9): wide,
        ("gradual", 0.9): [each - 40 for each in GLOBAL],
        ("uniform", 0.9): [each + 4 for each in GLOBAL],
    }
    rows = found(accuracies)
    assert [(each.method, each.is_better) for each in rows] == [("uniform", True), ("imp", True), ("gradual", False)]
    assert exploratory_sentence(rows).startswith(
        "Measured, compared by no claim, and clear of zero on these seeds: 2 better and 1 worse than the method"
    )
    assert exploratory_rows(rows)[0][:6] == ("mlp", "90 %", "uniform", "global", "accuracy", "+4.00 points")
    assert exploratory_sentence([]) == ""
    assert f"the {SHOWN} most extreme are listed" in exploratory_sentence(rows * SHOWN)
    assert len(exploratory_rows(rows * SHOWN)) == SHOWN


def test_smaller_is_better_where_the_metric_says_so(found):
    [each] = found({("global", 0.9): GLOBAL, ("uniform", 0.9): [each + 3 for each in GLOBAL]}, better="smaller")
    assert not each.is_better
