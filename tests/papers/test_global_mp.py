import re
from pathlib import Path

import pytest

from pruneproof.errors import BadConfig, UnknownName
from pruneproof.papers.check_names import check_names
from pruneproof.papers.claims import FAMILY_ERROR
from pruneproof.papers.load import find_paper, load_paper
from pruneproof.papers.printed import check_printed
from pruneproof.registry.catalog import build_catalog
from pruneproof.units import keep_count

FOLDER = Path(__file__).parents[2] / "papers" / "global-mp"
PAPER = load_paper(FOLDER)
CLAIMS = {claim.id: claim for claim in PAPER.claims.claim}
RERUN = [claim for claim in PAPER.claims.claim if claim.kind == "re-run"]
FAILS = {"p-all", "p2", "p3-95", "p5-80", "p6-best", "p10-low", "p17-lower", "p19-one-shot-80"}
FAILS |= {"p20-resnet-50", "p20-mobilenet-v1"}
HOLDS = {
    "p1", "p3-90", "p4", "p5-90-up", "p6-nearest", "p7", "p8", "p9", "p10-high", "p11", "p12", "p13", "p14", "p15",
    "p16", "p17-upper", "p18", "p19-gradual-80", "p19-high", "p19-mobilenet", "p19-mobilenet-mt",
}  # fmt: skip
MARGINS = {
    "p20-resnet-50": ["+0.65", "-0.91", "-2.59", "-4.40"],
    "p20-mobilenet-v1": ["-4.41", "-8.86"],
    "p1": ["+0.22", "+0.18"],
    "p2": ["-0.16"],
    "p3-90": ["+0.25"],
    "p3-95": ["-0.29"],
    "p5-80": ["-0.07"],
    "p8": ["+0.72", "+0.45", "+0.58", "+4.77"],
    "p15": ["+0.13", "+0.10", "+0.03"],
}


@pytest.mark.parametrize("claim", sorted(FAILS | HOLDS))
def test_the_printed_verdict_is_that_of_the_reading_by_hand(claim):
    outcome, facts = check_printed(CLAIMS[claim], PAPER.tables)
    assert outcome.verdict == ("fails" if claim in FAILS else "holds")
    found = [fact.found.rpartition(" ")[2] for fact in facts]
    assert found[: len(MARGINS.get(claim, []))] == MARGINS.get(claim, [])


def test_every_printed_claim_has_a_verdict_by_hand():
    assert {claim.id for claim in PAPER.claims.claim if claim.kind == "printed"} == FAILS | HOLDS


def test_margins_that_the_text_rounds():
    def margin(claim):
        return float(check_printed(CLAIMS[claim], PAPER.tables)[1][0].found.rpartition(" ")[2])

    assert round(margin("p6-best") + 1.5, 2) == 1.17
    assert round(margin("p6-nearest") + 1.5, 2) == 1.91
    assert round(margin("p7") + 4.5, 2) == 5.11
    assert round(margin("p12") + 2, 2) == 2.39


def test_t5_has_the_lowest_sparsity_of_global_mp_in_all_tables():
    lowest = {
        table: min(float(row["sparsity"]) for row in rows if row["family"] == "global-mp")
        for table, rows in PAPER.tables.items()
        if "sparsity" in rows[0]
    }
    assert min(lowest, key=lowest.__getitem__) == "t5"


def test_bounds_of_the_dominance_claims_are_the_numbers_of_the_tables():
    for claim in ("p19-gradual-80", "p19-one-shot-80", "p19-high", "p19-mobilenet", "p19-mobilenet-mt"):
        for comparison in CLAIMS[claim].compare:
            bounds, group = comparison.left.at_least, comparison.left.where["group"]
            rows = [
                row
                for row in PAPER.tables[comparison.left.table]
                if row["family"] == "global-mp"
                and row["group"] == f"{group:g}"
                and all(float(row[column]) == bound for column, bound in bounds.items())
            ]
            assert len(rows) == 1


def test_tables_number_their_rows_and_hold_numbers_as_printed():
    for table, rows in PAPER.tables.items():
        assert [row["row"] for row in rows] == [str(number) for number in range(1, len(rows) + 1)], table
        for row in rows:
            assert row["family"] in ("global-mp", "baseline", "dense")
            for column in ("top1", "spread", "start", "start_spread", "flops_pruned", "sparsity", "params_m"):
                assert re.fullmatch(r"(\d+(\.\d+)?)?", row.get(column, "")), (table, row)
            assert row["top1"]


def test_reported_parameters_of_distances_are_the_tables_numbers():
    distances = [claim for claim in PAPER.claims.claim if claim.kind == "re-run" and claim.test.id == "distance"]
    assert distances
    for claim in distances:
        table = PAPER.tables[claim.where.lower()]
        columns = ("top1", "start") if claim.id.endswith("dense") else ("top1",)
        printed = {float(row[column]) for row in table for column in columns if row.get(column)}
        assert claim.test.options["reported"] in printed
        assert float(claim.reported.split(" ")[0]) == claim.test.options["reported"]


def test_claims_of_all_kinds_are_there_with_a_reason():
    kinds = {claim.kind for claim in PAPER.claims.claim}
    assert kinds == {"printed", "mechanism", "setup", "re-run"}
    for claim in PAPER.claims.claim:
        assert claim.kind != "re-run" or claim.why
        assert claim.where != "not in the paper" or claim.strength in ("control", "self-test")


def test_small_profiles_say_that_they_are_small_scale_evidence():
    for name, profile in PAPER.runs.profiles.items():
        assert (profile.scale == "paper") == (name == "full")
        assert name == "full" or "Small-scale evidence" in profile.about


def test_all_names_and_options_are_registered():
    check_names(PAPER, build_catalog(["builtin"]))


@pytest.mark.parametrize(
    ("file", "old", "new", "kind", "message"),
    [
        ("runs.toml", 'criterion = "snip"', 'criterion = "snap"', UnknownName, 'criterion "snap".*Nearest: "snip"'),
        ("runs.toml", 'scope = "lamp"', 'scope = "lam"', UnknownName, 'allocation "lam".*Nearest: "lamp"'),
        (
            "runs.toml",
            'schedule = "cubic", s',
            'schedule = "cubik", s',
            UnknownName,
            'schedule "cubik".*Nearest: "cubic"',
        ),
        (
            "runs.toml",
            'model = "resnet-20"',
            'model = "resnet-21"',
            UnknownName,
            'model "resnet-21".*Nearest: "resnet-',
        ),
        ("runs.toml", 'data = "digits"', 'data = "digit"', UnknownName, 'data set "digit".*Nearest: "digits"'),
        ("runs.toml", "width = 0.25 }", "witdh = 0.25 }", UnknownName, 'option of model .* "witdh".*Nearest: "width"'),
        ("runs.toml", '"reflect-crop-4"', '"reflect-crop"', UnknownName, 'augmentation of cifar10 "reflect-crop"'),
        ("claims.toml", 'id = "nested-masks"', 'id = "nested-mask"', UnknownName, 'mechanism "nested-mask"'),
        (
            "claims.toml",
            "floor = 230",
            "flor = 230",
            UnknownName,
            'option of mechanism "global-dominance" "flor".*Nearest: "floor"',
        ),
        (
            "claims.toml",
            'test = { id = "equivalence"',
            'test = { id = "equivalent"',
            UnknownName,
            'claim test "equivalent"',
        ),
        ("claims.toml", "margin = 0.5 }", 'margin = "x" }', BadConfig, 'claim test "equivalence".*margin'),
    ],
)
def test_an_unregistered_name_or_option_is_refused_with_its_line(tmp_path, file, old, new, kind, message):
    folder = tmp_path / "global-mp"
    (folder / "tables").mkdir(parents=True)
    for path in [*FOLDER.glob("*.toml"), *FOLDER.glob("tables/*.csv"), FOLDER / "citation.bib"]:
        (folder / path.relative_to(FOLDER)).write_bytes(path.read_bytes())
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(kind, match=message) as caught:
        check_names(load_paper(folder), build_catalog(["builtin"]))
    assert re.search(rf"global-mp/{file}, line \d+", str(caught.value))


def test_sparsities_of_fastgrnn_keep_the_columns_that_are_written():
    entries = 9 * 9 + 80 * 80
    for method in PAPER.runs.runs("full")["fastgrnn"].methods:
        assert keep_count(entries, method.sparsities[0]) == sum(method.select.scope.options["counts"].values())


def test_it_is_found_by_its_arxiv_number():
    assert find_paper("arXiv:2209.14624v1", [FOLDER]) == FOLDER


def test_headline_claims_can_be_decided_at_every_profile_that_judges_them():
    """Even the smallest p value of a family is multiplied by its size, see Holm (1979)."""
    for name, profile in PAPER.runs.profiles.items():
        family = [claim for claim in RERUN if claim.headline and name in claim.evidence]
        for claim in family:
            runs = PAPER.runs.runs(name)
            seeds = min(len(runs[each.run].seeds or profile.seeds) for each in claim.evidence[name].operands)
            assert 2.0**-seeds * len(family) <= FAMILY_ERROR, (name, claim.id)


def test_no_profile_judges_on_the_seeds_of_a_pilot():
    for name in ("mini", "cpu"):
        every = {seed for run in PAPER.runs.runs(name).values() for seed in run.seeds}
        assert not {*PAPER.runs.profiles[name].seeds, *every} & set(range(18))
