import shutil
from pathlib import Path

import pytest

from pruneproof.errors import RecordMissing
from pruneproof.papers.committed import committed_record, committed_records
from pruneproof.papers.record import Record

PAPERS = Path(__file__).parents[2] / "papers"


def test_the_largest_scale_comes_first_and_is_what_is_meant():
    assert list(committed_records(PAPERS / "loss-modelling")) == ["cpu", "mini"]
    assert committed_record(PAPERS / "loss-modelling").profile == "cpu"
    assert committed_record(PAPERS / "loss-modelling", "mini").profile == "mini"


def test_the_newest_record_of_a_profile_is_shown_with_others_of_its_plan_only(tmp_path):
    source = next((PAPERS / "gradient-flow" / "records").glob("*.json"))
    (tmp_path / "records").mkdir()
    shutil.copy(source, tmp_path / "records" / "a.json")
    record = Record.load(source)
    for name, created, plan in (("b", "2100-01-01T00:00:00+00:00", record.plan), ("c", record.created, "0" * 64)):
        record.model_copy(update={"created": created, "plan": plan}).save(tmp_path / "records" / f"{name}.json")
    [found] = committed_records(tmp_path).values()
    assert [each.plan for each in found] == [record.plan] * 2
    assert found[0].created.startswith("2100")


def test_a_paper_without_a_record_says_which_there_are(tmp_path):
    with pytest.raises(RecordMissing, match="repro run"):
        committed_record(tmp_path)
    with pytest.raises(RecordMissing, match='"full"; there are some of cpu, mini'):
        committed_record(PAPERS / "loss-modelling", "full")
