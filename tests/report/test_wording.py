import pytest

from pruneproof.papers.record import Record
from pruneproof.report.wording import (
    KINDS,
    SCALES,
    SYMBOLS,
    claims_by_kind,
    counts,
    counts_sentence,
    figure,
    figure_with_spread,
    spread,
    unit,
    warnings,
)


def test_symbols_differ_so_that_verdicts_read_without_colour() -> None:
    assert len(set(SYMBOLS.values())) == len(SYMBOLS) == 4


def test_counts_add_up(record: Record) -> None:
    total = counts(record)
    assert sum(total.values()) == len(record.claims)
    for verdict in SYMBOLS:
        assert total[verdict] == sum(counts(record, kind)[verdict] for kind in KINDS)


def test_the_sentence_names_only_verdicts_that_occur(record: Record) -> None:
    only_holding = record.model_copy(update={"claims": tuple(c for c in record.claims if c.verdict == "holds")})
    n = len(only_holding.claims)
    assert counts_sentence(only_holding) == f"{n} claims: {n} hold"


def test_kinds_are_kept_apart_and_none_is_lost(record: Record) -> None:
    groups = claims_by_kind(record)
    assert list(groups) == ["printed", "mechanism", "re-run"]
    assert sum(map(len, groups.values())) == len(record.claims)


def test_a_difference_has_a_sign_an_interval_its_level_and_n(record: Record) -> None:
    claim = next(claim for claim in record.claims if claim.id == "r1")
    assert figure(claim).startswith("+")
    assert figure(claim).endswith(" points")
    assert spread(claim).endswith("at 95 %, n = 8")
    assert figure_with_spread(claim) == f"{figure(claim)} {spread(claim)}"


def test_units_follow_the_test(record: Record) -> None:
    found = {claim.test: unit(claim) for claim in record.claims if claim.kind == "re-run"}
    assert found["collapse"] == "share of seeds"
    assert found["monotone-trend"] == "rank correlation"
    assert found["distance"] == "points"


def test_collapse_is_told_in_networks(record: Record) -> None:
    claim = next(claim for claim in record.claims if claim.test == "collapse")
    assert figure(claim) == "3 of 3 seeds collapsed"


def test_exact_claims_count_their_facts(record: Record) -> None:
    found = {claim.id: figure(claim) for claim in record.claims}
    assert found["p2"] == "0 of 1 comparisons true"
    assert found["m6"] == "9 of 9 facts true"


def test_a_claim_that_was_not_run_has_no_number(record: Record) -> None:
    claim = next(claim for claim in record.claims if claim.verdict == "not-run")
    assert figure_with_spread(claim) == ""


@pytest.mark.parametrize("scale", ["small", "reduced"])
def test_below_the_papers_scale_it_is_said(record: Record, scale: str) -> None:
    assert warnings(record.model_copy(update={"scale": scale})) == [SCALES[scale]]
    assert "not the paper's own scale" in SCALES[scale]


def test_overrides_and_partial_runs_are_said(variant: Record) -> None:
    text = " ".join(warnings(variant))
    assert "mlp.retrain.lr=0.2" in text
    assert "no claim is judged" in text
    assert "Partial run: only mlp" in text
