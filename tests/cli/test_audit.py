"""`repro audit` on the tiny paper, its record, and cards."""

import json
import re

import pytest

from pruneproof.cli.audit import NO_LEVEL, STATUSES

PAIR = ("tiny:mlp/global", "tiny:mlp/uniform")


@pytest.fixture
def write(tmp_path):
    def make(name, **content):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps({"name": name, **content}))
        return path

    return make


def test_two_methods_of_a_paper_are_compared_from_their_steps(tiny, repro):
    found = repro("audit", *PAIR)
    assert found.status == STATUSES["S4.2"]
    assert "Proved: S1, S2, S3.1, S3.2, S4.1, S4.2." in found.out
    assert re.search(r"retrain.lr +0.05 for 2 epochs +0.05 for 2 epochs +yes", found.out)


def test_the_blocked_level_the_advantage_and_the_unknown_are_printed(tiny, repro, write):
    same = {"dataset": "digits", "network": "lenet-300-100", "granularity": "weight", "sparsity": 0.9}
    card = write("theirs", **same, retrain={"epochs": 5, "momentum": 0.5})
    found = repro("audit", "tiny:mlp/global@0.9", card)
    assert found.status == STATUSES["S1"]
    assert "Not S2: base is unknown: planned of 2 seeds " in found.out
    assert "Advantage of theirs: more retraining epochs (2 against 5)." in found.out
    assert "Assumed to be equal, and differs: retrain.momentum: 0.9 against 0.5." in found.out
    assert "Unknown of theirs: base, retrain.lr, prune.epochs, prune.lr, report, " in found.out


def test_a_method_is_taken_at_the_first_sparsity_that_both_have(tiny, repro):
    found = repro("audit", "tiny:mlp/global@0.98", "tiny:mlp/uniform", "--json").json
    assert (found["first"], found["second"]) == ("tiny:mlp/global@0.98", "tiny:mlp/uniform@0.98")
    found = repro("audit", "tiny:mlp/global", "tiny:mlp/gradual", "--json").json
    assert found["first"] == "tiny:mlp/global@0.9"


def test_recorded_methods_are_compared_by_the_weights_of_their_base(ran, repro, folders):
    record = folders / "store" / "reports" / "tiny" / "mini" / "record.json"
    found = repro("audit", f"{record}:mlp/global@0.9", f"{record}:mlp/uniform@0.9", "--json")
    assert found.status == STATUSES["S4.2"]
    [base] = [each for each in found.json["fields"] if each["field"] == "base"]
    assert base["first"].startswith("weights ")
    assert repro("audit", f"{record}:mlp/global", f"{folders / 'none.json'}:mlp/global").status == 66


def test_a_level_that_is_asked_for_ends_well_only_where_it_is_proved(tiny, repro):
    rounds = "tiny:mlp/global@0.9", "tiny:mlp/imp"
    assert repro("audit", *rounds).status == STATUSES["S3.2"]
    assert repro("audit", *rounds, "--at-least", "S3.2").status == 0
    assert repro("audit", *rounds, "--at-least", "S4.1").status == STATUSES["S3.2"]


def test_the_template_is_a_card(repro, folders):
    card = folders / "card.toml"
    card.write_text(repro("audit", "--template").out)
    found = repro("audit", card, card)
    assert found.status == NO_LEVEL
    assert "No level is proved." in found.out
    assert "What is unknown leaves open: S1, S2, S3.1, S3.2, S4.1, S4.2." in found.out


def test_the_table_for_an_appendix_has_every_field_in_a_row(repro, write):
    found = repro("audit", write("A|B"), write("other"), "--markdown").out.splitlines()
    assert found[0] == r"|  | A\|B | other | same |"
    assert "| dataset | unknown | unknown | unknown |" in found
    assert sum(line.startswith("| ") for line in found) == 10
    assert r"* No level is proved." in found


def test_a_tolerance_decides_whether_speed_ups_are_the_same(repro, write):
    plain = {"dataset": "a", "network": "b", "granularity": "filter"}
    cards = write("slow", **plain, speedup=1.43), write("fast", **plain, speedup=2.31)
    assert repro("audit", *cards).status == NO_LEVEL
    assert repro("audit", *cards, "--tolerance", 0.9).status == STATUSES["S1"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "repro audit compares two experiments; 0 were given"),
        (PAIR[:1], "repro audit compares two experiments; 1 were given"),
        ([*PAIR, "--at-least", "S3"], 'level "S3" (--at-least) is not known'),
        ([*PAIR, "--tolerance", "-1"], "--tolerance"),
        (["tiny:mlp/global", "none.toml"], "card none.toml does not exist"),
        (["tiny:mlp/global", "tiny:mlp/globl"], 'method of mini run mlp "globl" (tiny) is not known'),
        (["tiny:mlp/global@0.9.9", PAIR[1]], "0.9.9"),
    ],
)
def test_misuse_is_refused(arguments, message, tiny, repro):
    found = repro("audit", *arguments)
    assert found.status == 64
    assert message in found.err


def test_no_status_of_a_level_is_one_of_verdicts_or_refusals():
    statuses = [NO_LEVEL, *STATUSES.values()]
    assert len(set(statuses)) == len(statuses)
    assert all(2 < status < 64 for status in statuses)
