import pytest

from pruneproof.errors import UnknownName
from pruneproof.papers.claims import CLAIM_KINDS, Evidence, corrected, judge, kind_of_claim
from pruneproof.papers.load import load_paper
from pruneproof.papers.operands import samples_of
from pruneproof.papers.record import Cell, ClaimRecord
from pruneproof.papers.registration import claim_digest
from pruneproof.registry.catalog import build_catalog


@pytest.fixture
def paper(tiny):
    return load_paper(tiny)


def cell(method, sparsity, seed, accuracy, **more):
    end = {"accuracy": accuracy, "macs-pruned": 100.0, "densities": {"a": 0.0}} | more
    return Cell(run="mlp", method=method, sparsity=sparsity, seed=seed, stages=(), measured={"end": end})


def judged(paper, cells, facts=None, profile="mini"):
    catalog = build_catalog(paper.info.plugins)
    return {each.id: each for each in judge(Evidence(paper, profile, catalog, cells, facts or {}))}


def dense(accuracies):
    return [cell("dense", 0.0, seed, accuracy) for seed, accuracy in enumerate(accuracies)]


def pruned(accuracies):
    return [cell("global", 0.98, seed, accuracy) for seed, accuracy in enumerate(accuracies)]


def test_every_claim_of_the_paper_is_answered_in_order(paper):
    assert list(judged(paper, [])) == [claim.id for claim in paper.claims.claim]


def test_clear_evidence_decides_either_way(paper):
    better = [95.0, 95.5, 94.8, 95.2, 95.1]
    worse = [80.0, 80.2, 79.9, 80.1, 80.3]
    assert judged(paper, dense(better) + pruned(worse))["ordered"].verdict == "holds"
    assert judged(paper, dense(worse) + pruned(better))["ordered"].verdict == "fails"


def test_mixed_evidence_is_inconclusive_and_says_how_many_seeds_it_lacks(paper):
    found = judged(paper, dense([90.0, 91.0, 89.0, 90.0]) + pruned([89.5, 90.5, 90.0, 90.0]))["ordered"]
    assert found.verdict == "inconclusive"
    assert found.n == 4
    assert found.low < found.value < found.high


def test_operands_are_paired_by_seed_not_by_order(paper):
    rising, lower = [10.0, 50.0, 90.0, 95.0, 97.0], [9.0, 48.0, 89.0, 93.5, 96.0]
    found = judged(paper, [*dense(rising), *reversed(pruned(lower))])["ordered"]
    assert found.verdict == "holds"
    assert found.value == pytest.approx(1.0)


def test_only_seeds_that_every_operand_has_are_compared(paper):
    found = judged(paper, dense([95.0, 95.5, 94.8, 95.2]) + pruned([80.0, 80.2, 79.9]))["ordered"]
    assert found.n == 3


def test_what_was_not_measured_is_not_run_and_named(paper):
    found = judged(paper, dense([95.0, 95.5]))["ordered"]
    assert found.verdict == "not-run"
    assert "mlp/global accuracy at sparsity 0.98" in found.reason


def test_other_metrics_of_a_cell_do_not_count(paper):
    assert judged(paper, dense([5.0, 6.0, 4.0, 5.5, 5.2]))["learns"].verdict == "fails"


def test_a_profile_without_an_experiment_for_a_claim_is_not_run(tiny):
    text = (tiny / "claims.toml").read_text()
    (tiny / "claims.toml").write_text(
        text.replace('[claim.evidence.mini]\noperands = [{ run = "mlp", method = "dense" }]\n', "", 1)
    )
    found = judged(load_paper(tiny), dense([95.0, 95.5]))["learns"]
    assert found.verdict == "not-run"
    assert "mini" in found.reason


def test_a_metric_at_another_step_is_read_there(tiny):
    text = (tiny / "claims.toml").read_text()
    text = text.replace(
        '{ run = "mlp", method = "global", sparsity = 0.98 }',
        '{ run = "mlp", method = "global", sparsity = 0.98, at = "pruned" }',
    )
    (tiny / "claims.toml").write_text(text)
    cells = dense([95.0, 95.5, 94.8]) + [
        each.model_copy(update={"measured": {"pruned": {"accuracy": 30.0 + each.seed}, **each.measured}})
        for each in pruned([95.0, 95.5, 94.8])
    ]
    found = judged(load_paper(tiny), cells)["ordered"]
    assert found.value == pytest.approx(95.5 - 31)
    assert found.operands[1] == "mlp/global accuracy, pruned at sparsity 0.98"


def test_a_metric_per_tensor_is_one_sample_for_each_tensor(tiny):
    text = (tiny / "claims.toml").read_text()
    text = text.replace('method = "dense" }]', 'method = "global", sparsity = 0.98, metric = "densities" }]', 1)
    text = text.replace('test = { id = "threshold", relation = ">", value = 10.0 }', 'test = "collapse"', 1)
    (tiny / "claims.toml").write_text(text)
    paper = load_paper(tiny)
    claim = paper.claims.claim[0]
    samples = samples_of(
        claim.evidence["mini"].operands[0],
        [cell("global", 0.98, seed, 9.0, densities={"b": 0.5 + seed, "a": 0.0}) for seed in range(2)],
    )
    assert samples == [{0: 0.0, 1: 0.0}, {0: 0.5, 1: 1.5}]


def test_what_has_no_number_is_nan_and_decides_nothing(paper):
    found = judged(paper, dense([95.0, None, 94.8]))["learns"]
    assert found.verdict == "inconclusive"
    assert "1 of 3 values are not finite" in found.reason


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


SETUP = """
[[claim]]
id = "fair"
kind = "setup"
text = "Both are trained for as long, and differ in the scope."
where = "nowhere"
strength = "control"
equal = {equal}
different = {different}

[claim.evidence.mini]
run = "mlp"
methods = ["global", "{other}"]
note = "same network"
"""


@pytest.mark.parametrize(
    ("equal", "different", "other", "verdict"),
    [
        ('["epochs", "base", "lr"]', "[]", "uniform", "holds"),
        ('["epochs"]', "[]", "imp", "fails"),
        ("[]", '["epochs-after-pruning", "rounds"]', "imp", "holds"),
        ('["base"]', "[]", "gradual", "fails"),
        ("[]", '["criterion"]', "uniform", "fails"),
    ],
)
def test_a_setup_claim_is_read_off_the_steps(tiny, equal, different, other, verdict):
    text = (tiny / "claims.toml").read_text()
    (tiny / "claims.toml").write_text(text + SETUP.format(equal=equal, different=different, other=other))
    found = judged(load_paper(tiny), [])["fair"]
    assert (found.verdict, found.operands, found.note) == (verdict, ("mlp/global", f"mlp/{other}"), "same network")
    assert len(found.facts) >= 1


def test_kinds_of_claims_are_known_by_their_ids():
    assert [kind.id for kind in CLAIM_KINDS] == ["printed", "setup", "mechanism", "re-run"]
    assert all(kind_of_claim(kind.id) is kind for kind in CLAIM_KINDS)
    with pytest.raises(UnknownName, match='Nearest: "setup"'):
        kind_of_claim("setups")


# What a claim requires.


REQUIRING = """
[[claim]]
id = "rests"
kind = "re-run"
text = "98 % is worth something."
where = "nowhere"
strength = "control"
why = "plain"
test = { id = "threshold", relation = ">", value = 50.0 }
requires = ["ordered"]

[claim.evidence.mini]
operands = [{ run = "mlp", method = "global", sparsity = 0.98 }]
"""


def rested(tiny, worse, better=(95.0, 95.5, 94.8, 95.2, 95.1, 94.9)):
    (tiny / "claims.toml").write_text((tiny / "claims.toml").read_text() + REQUIRING)
    return judged(load_paper(tiny), dense(better) + pruned(worse))["rests"]


def test_a_claim_is_judged_where_what_it_requires_holds(tiny):
    assert rested(tiny, [80.0, 80.2, 79.9, 80.1, 80.3, 79.8]).verdict == "holds"


def test_a_claim_whose_evidence_is_not_sound_is_not_judged_and_says_why(tiny):
    found = rested(tiny, [97.0, 97.2, 96.9, 97.1, 97.3, 97.4])
    assert found.verdict == "not-run"
    assert "ordered, which is fails" in found.reason
    assert found.value == pytest.approx(97.15)


@pytest.mark.parametrize("name", ["rests", "nowhere"])
def test_only_an_earlier_claim_can_be_required(tiny, name):
    text = (tiny / "claims.toml").read_text() + REQUIRING.replace('["ordered"]', f'["{name}"]')
    (tiny / "claims.toml").write_text(text)
    with pytest.raises(UnknownName, match="A claim requires earlier ones"):
        load_paper(tiny)


# What a run takes for granted.


def with_precondition(tiny, name="learns"):
    runs = (tiny / "runs.toml").read_text()
    (tiny / "runs.toml").write_text(runs.replace("[mini.mlp]\n", f'[mini.mlp]\npreconditions = ["{name}"]\n'))
    return load_paper(tiny)


LEARNED, NOT_LEARNED = [95.0, 95.5, 94.8, 95.2, 95.1], [9.0, 8.5, 9.8, 9.2, 9.1]
WORSE = [8.0, 8.2, 7.9, 8.1, 8.3]


def test_claims_are_judged_where_the_preconditions_of_their_run_hold(tiny):
    found = judged(with_precondition(tiny), dense(LEARNED) + pruned(WORSE))
    assert (found["learns"].verdict, found["ordered"].verdict) == ("holds", "holds")


def test_where_a_precondition_fails_only_itself_is_judged(tiny):
    found = judged(with_precondition(tiny), dense(NOT_LEARNED) + pruned(WORSE))
    assert (found["learns"].verdict, found["ordered"].verdict) == ("fails", "not-run")
    assert "learns, which is fails" in found["ordered"].reason


def test_a_precondition_stands_before_the_claims_that_rest_on_it(tiny):
    with pytest.raises(UnknownName, match="so do the preconditions of the runs"):
        with_precondition(tiny, "ordered")


def test_a_precondition_is_fixed_with_the_claims_that_rest_on_it(tiny):
    def fixed(paper):
        claims = {claim.id: claim for claim in paper.claims.claim}
        return {name: claim_digest(claims[name], paper, "mini") for name in ("learns", "ordered")}

    before, after = fixed(load_paper(tiny)), fixed(with_precondition(tiny))
    assert after["ordered"] != before["ordered"]
    assert after["learns"] == before["learns"]


# Headline claims.


def with_p(name, p, verdict="holds", **changes):
    plain = dict.fromkeys(("text", "where", "strength", "reported", "unit", "test", "reason"), "")
    return ClaimRecord(id=name, kind="re-run", verdict=verdict, p=p, **(plain | {"headline": True} | changes))


def test_headline_claims_are_corrected_together_and_others_are_left_alone():
    claims = [
        with_p("clear", 0.004),
        with_p("also", 0.02, "fails"),
        with_p("weak", 0.03, "absent"),
        with_p("open", 0.4, "inconclusive"),
        with_p("without-p", None, "inconclusive"),
        with_p("not-run", None, "not-run"),
        with_p("secondary", 0.001, headline=False),
    ]
    found = {claim.id: claim.corrected for claim in corrected(claims)}
    assert found == {
        "clear": "holds",  # 5 x 0.004
        "also": "inconclusive",  # 4 x 0.02
        "weak": "inconclusive",
        "open": "inconclusive",
        "without-p": "inconclusive",
        "not-run": None,
        "secondary": None,
    }
    assert [claim.verdict for claim in corrected(claims)] == [claim.verdict for claim in claims]


def test_a_single_headline_claim_needs_no_correction():
    assert corrected([with_p("one", 0.03125)])[0].corrected == "holds"


def test_the_papers_files_say_which_claims_are_headlines(tiny):
    text = (tiny / "claims.toml").read_text()
    (tiny / "claims.toml").write_text(text.replace('id = "learns"\n', 'id = "learns"\nheadline = true\n'))
    found = judged(load_paper(tiny), dense([95.0, 95.5, 94.8, 95.2, 95.1]))
    assert (found["learns"].headline, found["learns"].corrected, found["learns"].p) == (True, "holds", 0.03125)
    assert (found["ordered"].headline, found["table"].headline) == (False, False)
    assert found["learns"].bounds == (10.0,)


def test_only_claims_over_seeds_may_be_headlines(tiny):
    text = (tiny / "claims.toml").read_text()
    (tiny / "claims.toml").write_text(text.replace('id = "table"\n', 'id = "table"\nheadline = true\n'))
    with pytest.raises(UnknownName, match=r'key "headline".*is not known'):
        load_paper(tiny)


# Resolution.


def test_accuracies_of_a_known_data_set_have_the_resolution_of_one_image(paper):
    found = judged(paper, dense([95.0, 95.5, 94.8, 95.2, 95.1]))["learns"]
    image = 100 / 599
    assert found.parameters["resolution"] == pytest.approx(image)
    assert (found.low, found.high) == pytest.approx((94.8 - image / 2, 95.5 + image / 2))


def test_the_interval_of_an_accuracy_ends_at_0_and_100(paper):
    found = judged(paper, dense([100.0, 99.5, 100.0, 0.0, 0.0]))["learns"]
    assert (found.low, found.high) == (0.0, 100.0)


def test_what_a_claim_writes_itself_goes_before(tiny):
    text = (tiny / "claims.toml").read_text()
    (tiny / "claims.toml").write_text(text.replace("value = 10.0", "value = 10.0, resolution = 2.0"))
    found = judged(load_paper(tiny), dense([95.0, 95.5, 94.8, 95.2, 95.1]))["learns"]
    assert (found.low, found.high) == pytest.approx((93.8, 96.5))


def test_other_metrics_have_none(tiny):
    text = (tiny / "claims.toml").read_text()
    (tiny / "claims.toml").write_text(
        text.replace('method = "dense" }]', 'method = "dense", metric = "train-loss" }]', 1)
    )
    cells = [cell("dense", 0.0, seed, 95.0, **{"train-loss": 0.1 * seed}) for seed in range(5)]
    found = judged(load_paper(tiny), cells)["learns"]
    assert (found.parameters["resolution"], found.low, found.high) == (0.0, 0.0, pytest.approx(0.4))
