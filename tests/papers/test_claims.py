import pytest

from pruneproof.papers.claims import judge
from pruneproof.papers.load import load_paper
from pruneproof.papers.record import Cell
from pruneproof.registry.catalog import build_catalog
from pruneproof.values.measurements import Measurement


@pytest.fixture
def paper(tiny):
    return load_paper(tiny)


def cell(method, sparsity, seed, accuracy, **more):
    fields = {
        "accuracy": accuracy, "accuracy_best": 100.0, "accuracy_before": None, "loss": None, "diverged": False,
        "weights": 10, "alive": 5, "macs_pruned": 0.5, "constant_output": False, "epochs": 3, "densities": {"a": 0.0},
    }  # fmt: skip
    measurement = Measurement(**fields | more).to_json()
    return Cell(run="mlp", method=method, sparsity=sparsity, seed=seed, stages=(), measurement=measurement)


def judged(paper, cells, facts=None, profile="mini"):
    catalog = build_catalog(paper.info.plugins)
    return {each.id: each for each in judge(paper, profile, catalog, cells, facts or {})}


def dense(accuracies):
    return [cell("dense", 0.0, seed, accuracy) for seed, accuracy in enumerate(accuracies)]


def pruned(accuracies):
    return [cell("global", 0.98, seed, accuracy) for seed, accuracy in enumerate(accuracies)]


def test_every_claim_of_the_paper_is_answered_in_order(paper):
    assert list(judged(paper, [])) == [claim.id for claim in paper.claims.claim]


def test_clear_evidence_decides_either_way(paper):
    better = [95.0, 95.5, 94.8, 95.2]
    worse = [80.0, 80.2, 79.9, 80.1]
    assert judged(paper, dense(better) + pruned(worse))["ordered"].verdict == "holds"
    assert judged(paper, dense(worse) + pruned(better))["ordered"].verdict == "fails"


def test_mixed_evidence_is_inconclusive_and_says_how_many_seeds_it_lacks(paper):
    found = judged(paper, dense([90.0, 91.0, 89.0, 90.0]) + pruned([89.5, 90.5, 90.0, 90.0]))["ordered"]
    assert found.verdict == "inconclusive"
    assert found.n == 4
    assert found.low < found.value < found.high


def test_operands_are_paired_by_seed_not_by_order(paper):
    rising, lower = [10.0, 50.0, 90.0, 95.0], [9.0, 48.0, 89.0, 93.5]
    found = judged(paper, [*dense(rising), *reversed(pruned(lower))])["ordered"]
    assert found.verdict == "holds"
    assert found.value == pytest.approx(sum(a - b for a, b in zip(rising, lower, strict=True)) / 4)


def test_only_seeds_that_every_operand_has_are_compared(paper):
    found = judged(paper, dense([95.0, 95.5, 94.8, 95.2]) + pruned([80.0, 80.2, 79.9]))["ordered"]
    assert found.n == 3


def test_what_was_not_measured_is_not_run_and_named(paper):
    found = judged(paper, dense([95.0, 95.5]))["ordered"]
    assert found.verdict == "not-run"
    assert "mlp/global accuracy at sparsity 0.98" in found.reason


def test_other_metrics_of_a_cell_do_not_count(paper):
    assert judged(paper, dense([5.0, 6.0, 4.0, 5.5]))["learns"].verdict == "fails"


def test_a_profile_without_an_experiment_for_a_claim_is_not_run(tiny):
    text = (tiny / "claims.toml").read_text()
    (tiny / "claims.toml").write_text(
        text.replace('[claim.evidence.mini]\noperands = [{ run = "mlp", method = "dense" }]\n', "", 1)
    )
    found = judged(load_paper(tiny), dense([95.0, 95.5]))["learns"]
    assert found.verdict == "not-run"
    assert "mini" in found.reason


def test_empty_tensors_are_counted(tiny):
    text = (tiny / "claims.toml").read_text()
    text = text.replace('method = "dense" }]', 'method = "dense", metric = "empty_tensors" }]', 1).replace(
        "10.0", "1.5"
    )
    (tiny / "claims.toml").write_text(text)
    cells = [cell("dense", 0.0, seed, 90.0, densities={"a": 0.0, "b": 0.0, "c": 1.0}) for seed in range(3)]
    assert judged(load_paper(tiny), cells)["learns"].value == 2.0


FACT = {"statement": "2 + 2", "expected": "4", "found": "4", "holds": True}


def test_a_mechanism_holds_when_every_fact_does(paper):
    assert judged(paper, [], {"arithmetic": [FACT]})["arithmetic"].verdict == "holds"
    broken = FACT | {"found": "5", "holds": False}
    found = judged(paper, [], {"arithmetic": [FACT, broken]})["arithmetic"]
    assert found.verdict == "fails"
    assert "expected 4, found 5" in found.reason
    assert [fact.holds for fact in found.facts] == [True, False]


def test_a_mechanism_that_did_not_run_is_not_run(paper):
    assert judged(paper, [])["arithmetic"].verdict == "not-run"


def test_a_printed_claim_needs_no_run(paper):
    found = judged(paper, [])["table"]
    assert found.verdict == "holds"
    assert len(found.facts) == 1


def test_a_record_of_a_claim_carries_the_papers_words(paper):
    found = judged(paper, dense([95.0, 95.5, 94.8]))["learns"]
    claim = paper.claims.claim[0]
    assert (found.text, found.where, found.strength, found.test) == (
        claim.text,
        claim.where,
        claim.strength,
        "threshold",
    )
    assert found.operands == ("mlp/dense accuracy at sparsity 0",)
