"""`repro compare` on records of the tiny paper."""

import json

import pytest


@pytest.fixture
def records(ran, folders):
    """The record of a run, and one of another processor in which a verdict differs."""
    path = folders / "store" / "reports" / "tiny" / "mini" / "record.json"
    content = json.loads(path.read_text())
    content["environment"]["processor"] = "another"
    for claim in content["claims"]:
        claim["verdict"] = "fails" if claim["id"] == "learns" else claim["verdict"]
    other = folders / "other.json"
    other.write_text(json.dumps(content))
    return path, other


def test_contested_claims_are_named_with_what_each_record_says(records, repro):
    found = repro("compare", *records)
    assert found.status == 1
    assert "learns" in found.out
    assert "ordered" not in found.out
    assert "another" in found.out
    assert "contested: 1." in found.out


def test_records_that_agree_end_well(records, repro):
    found = repro("compare", records[0], records[0])
    assert (found.status, "contested: 0." in found.out) == (0, True)


def test_json_has_every_claim_and_what_the_records_are_of(records, repro):
    found = repro("compare", *records, "--json").json
    assert [each["processor"] for each in found["records"]][1] == "another"
    assert {each["id"] for each in found["claims"] if each["contested"]} == {"learns"}
    assert {"learns", "ordered", "arithmetic", "table"} <= {each["id"] for each in found["claims"]}


def test_one_record_and_none_at_all_are_refused(records, repro, tmp_path):
    assert repro("compare", records[0]).status == 64
    assert repro("compare", records[0], tmp_path / "none.json").status == 66
