"""Records of one profile side by side."""

import pytest

from pruneproof.errors import BadOption
from pruneproof.papers.record import Record
from pruneproof.papers.side_by_side import side_by_side


@pytest.fixture
def record(pytestconfig):
    [path, *_] = sorted((pytestconfig.rootpath / "papers" / "global-mp" / "records").glob("mini-*.json"))
    return Record.load(path)


def changed(record, **verdicts):
    claims = [claim.model_copy(update={"verdict": verdicts.get(claim.id, claim.verdict)}) for claim in record.claims]
    return record.model_copy(update={"claims": tuple(claims)})


def test_equal_records_agree_in_every_claim(record):
    rows = side_by_side([record, record])
    assert [row.id for row in rows] == [claim.id for claim in record.claims]
    assert not any(row.contested for row in rows)


def test_a_claim_with_two_verdicts_is_contested(record):
    other = changed(record, p1="fails", m1="inconclusive")
    assert {row.id for row in side_by_side([record, other]) if row.contested} == {"p1", "m1"}


def test_what_one_record_did_not_judge_is_not_contested(record):
    row = {row.id: row for row in side_by_side([record, changed(record, p1="not-run")])}["p1"]
    assert (row.contested, row.judged, row.verdicts) == (False, 1, ("holds", "not-run"))


def test_a_claim_that_a_record_lacks_is_a_gap(record):
    other = record.model_copy(update={"claims": record.claims[1:]})
    row = side_by_side([other, record])[-1]
    assert row.id == record.claims[0].id
    assert row.claims == (None, record.claims[0])


def test_records_of_different_profiles_are_refused(record):
    with pytest.raises(BadOption, match="global-mp at mini, global-mp at lite"):
        side_by_side([record, record.model_copy(update={"profile": "lite"})])
    with pytest.raises(BadOption, match="too few"):
        side_by_side([record])
