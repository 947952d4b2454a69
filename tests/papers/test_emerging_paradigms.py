import math
import re
from pathlib import Path

import pytest

from pruneproof.papers.check_names import check_names
from pruneproof.papers.load import find_paper, load_paper
from pruneproof.papers.printed import check_printed
from pruneproof.registry.catalog import build_catalog

FOLDER = Path(__file__).parents[2] / "papers" / "emerging-paradigms"
PAPER = load_paper(FOLDER)
TABLES = PAPER.tables
CLAIMS = {claim.id: claim for claim in PAPER.claims.claim}
PRINTED = sorted(name for name, each in CLAIMS.items() if each.kind == "printed")
MECHANISM = [each for each in CLAIMS.values() if each.kind == "mechanism"]

# Read by hand off the tables.
FAILS = {
    "p-rand-cells", "p-rand-synflow", "p-below-tiny-all", "p-syn-resnet-18-cifar-10", "p-mag-best", "p-noise",
    "p-collapse-max", "p-collapse-empty", "p-exact", "p-same-snip", "p-gap-vgg-19", "p-gap-vgg-19-98", "p-gap-sign",
    "p-gap-obd", "p-gap-project", "p-shuf-half", "p-pat-resnet-56", "p-lth-rewind-33", "p-lth-dense", "p-lrr-resnet-56",
    "p-lrr-one-shot", "p-lrr-clear", "p-dst-growth", "p-dst-longer-dense",
}  # fmt: skip


def test_all_names_options_and_operands_are_known():
    check_names(PAPER, build_catalog(["builtin"]))
    assert find_paper("2103.06460", [FOLDER]) == FOLDER


@pytest.mark.parametrize("claim", PRINTED)
def test_the_printed_verdict_is_that_of_the_reading_by_hand(claim):
    assert check_printed(CLAIMS[claim], TABLES)[0].verdict == ("fails" if claim in FAILS else "holds")


@pytest.mark.parametrize(
    ("claim", "differences"),
    [
        ("p-rand-90", ["+0.11", "+1.11"]),  # above the point that is asked for
        ("p-rand-99", ["+5.01", "+5.94"]),
        ("p-below-tiny", ["-7.94", "-13.00", "-9.09", "-3.44", "-13.60", "-14.69"]),
        ("p-below-tiny-all", ["+1.39"]),
        ("p-syn-resnet-18-cifar-10", ["-0.44"]),
        ("p-mag-best", ["-0.14"]),
        ("p-noise", ["+0.01"]),
        ("p-gap-resnet-50-cifar-10", ["+1.70"]),
        ("p-gap-resnet-50-cifar-100", ["+2.04"]),
        ("p-gap-vgg-19", ["-1.54"]),
        ("p-gap-sign", ["-0.04"]),
        ("p-shuf-half", ["-0.48"]),
        ("p-pat-resnet-20", ["+0.75", "+1.22", "+0.64"]),
        ("p-pat-resnet-56", ["-0.19"]),
        ("p-lth-rewind-33", ["-0.30"]),
        ("p-lrr-one-shot", ["-0.47", "-0.03"]),
        ("p-dst-growth", ["-0.1"]),
        ("p-erk", ["+0.3", "+0.0", "+0.32", "+0.85"]),
        ("p-same-snip", ["+67.65"]),
    ],
)
def test_margins_are_those_worked_out_by_hand(claim, differences):
    _, facts = check_printed(CLAIMS[claim], TABLES)
    shown = [fact for fact in facts if claim not in FAILS or not fact.holds]
    assert [fact.found.rpartition(" ")[2] for fact in shown] == differences


@pytest.mark.parametrize("table", sorted(TABLES))
def test_rows_are_numbered_and_name_a_source_that_says_how_far_it_can_be_trusted(table):
    rows = TABLES[table]
    assert [row["row"] for row in rows] == [str(number) for number in range(1, len(rows) + 1)]
    marks = {row["source"]: row["mark"] for row in TABLES["sources"]}
    assert set(marks.values()) == {"recomputed", "read", "second-hand", "low authority"}
    assert {row["source"] for row in rows} <= set(marks)
    assert f"`{table}`" in (FOLDER / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("table", sorted(set(TABLES) - {"sources"}))
def test_every_table_is_read_by_a_claim_and_holds_numbers_as_printed(table):
    assert f'"{table}"' in (FOLDER / "claims.toml").read_text(encoding="utf-8")
    for row in TABLES[table]:
        for column in {"top1", "spread", "exponent", "keep", "removed", "density", "size"} & set(row):
            assert re.fullmatch(r"(\d+(\.\d+)?)?", row[column]), row


def test_every_source_has_a_row_that_rests_on_it():
    used = {row["source"] for table, rows in TABLES.items() if table != "sources" for row in rows}
    assert {row["source"] for row in TABLES["sources"]} == used


def test_what_was_only_remembered_of_resnet_32_and_what_must_be_discarded_of_synflow_is_not_there():
    cells = {(row["data"], row["removed"], row["method"]) for row in TABLES["t4"] if row["network"] == "resnet-32"}
    assert cells == {("cifar-10", "90", "snip"), ("cifar-10", "98", "lt"), ("cifar-100", "90", "snip")}
    assert {row["method"] for row in TABLES["t3"]} == {"dense", "snip", "grasp", "magnitude"}


def test_raw_results_are_there_for_every_method_network_and_ratio():
    cells = [(row["data"], row["network"], row["method"], row["exponent"]) for row in TABLES["t1"]]
    assert len(cells) == len(set(cells)) == 5 * 5 * 7
    for row in TABLES["t1"]:
        assert 1 - 10 ** -float(row["exponent"]) == pytest.approx(float(row["removed"]) / 100, abs=6e-4)
        assert row["spread"]


@pytest.mark.parametrize("method", ["magnitude", "snip", "grasp", "synflow"])
def test_printed_densities_of_vgg_16_add_up_to_one_percent(method):
    rows = [row for row in TABLES["t1-densities"] if row["method"] == method]
    sizes = [int(row["size"]) for row in rows]
    assert sum(sizes) == 14761664
    assert math.log10(sum(sizes) / len(sizes)) == pytest.approx(6.02, abs=5e-3)
    kept = sum(float(row["density"]) * size for row, size in zip(rows, sizes, strict=True))
    assert kept / sum(sizes) == pytest.approx(0.01, rel=0.006)


@pytest.mark.parametrize(
    ("method", "variant", "differences"),
    [
        ("snip", "shuffled", [0.27, -0.17, 0.04, -0.11]),
        ("snip", "reinit", [0.13, 0.31, 0.02, 0.35]),
        ("grasp", "shuffled", [-0.16, 0.16, -0.47, -0.98]),
        ("grasp", "reinit", [0, 0.33, -0.33, -0.46]),
        ("grasp", "inverted", [-0.61, 0.05, -0.83, -1.76]),
        ("magnitude", "shuffled", [-0.16, -0.01, -0.36, -0.05]),
        ("magnitude", "reinit", [0.01, 0.03, 0.11, 0.49]),
    ],
)
def test_differences_of_the_reproduction_are_those_that_were_noted_beside_them(method, variant, differences):
    found = {(row["variant"], row["removed"]): float(row["top1"]) for row in TABLES["t3"] if row["method"] == method}
    assert [found[variant, at] - found["unmodified", at] for at in ("30", "60", "90", "98")] == pytest.approx(
        differences, abs=1e-9
    )


def test_each_exact_statement_from_s1_to_s13_is_claimed_and_has_what_can_fail_it():
    statements = {number for each in MECHANISM for number in re.findall(r"^S(\d+)\w?: ", each.text)}
    assert statements == {str(number) for number in range(1, 14)}
    refused = {re.sub(r"\D+.*", "", each.id.removeprefix("n-s")) for each in MECHANISM if each.id.startswith("n-s")}
    assert refused == statements - {"4", "6"}  # the controls of these are s3: the same compression in a hundred steps
    for each in MECHANISM:
        control = each.id.startswith("n-") or each.id == "s1b"
        assert control == ("egative control: " in each.text)
        assert control == (each.strength == "negative-control")


def test_no_mechanism_claim_looks_at_a_seed_of_the_checks_own_tests():
    for each in MECHANISM:
        options = each.check.options
        if each.check.id != "network-size":
            assert {*options.get("seeds", [options.get("seed")])} <= {20, 21, 22}, each.id


def test_claims_that_the_surveyed_papers_do_not_make_are_controls():
    for each in CLAIMS.values():
        if each.where.startswith("not in the papers"):
            assert each.strength in ("control", "negative-control"), each.id
