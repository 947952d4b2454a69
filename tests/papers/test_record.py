import json

import pytest

from pruneproof.errors import RecordMissing, StoreCorrupt
from pruneproof.papers.record import Cell, ClaimRecord, FactRecord, MetricRecord, PluginRecord, Record, StageRecord

DIGEST = "0123456789abcdef" * 2


@pytest.fixture
def record():
    return Record(
        paper="tiny",
        arxiv="0000.00001",
        title="A paper — of seconds",
        profile="mini",
        scale="small",
        seeds=(0, 1),
        plan="a" * 64,
        created="2020-01-01T00:00:00+00:00",
        seconds=1.5,
        environment={"device": "cpu"},
        data={"digits": "b" * 64},
        plugins=(PluginRecord(name="builtin", distribution="pruneproof", version="0"),),
        metrics={"accuracy": MetricRecord(unit="%", better="larger")},
        stages=(StageRecord(digest=DIGEST, kind="train", label="l", outputs={"mask": DIGEST}, seconds=1.0),),
        cells=(
            Cell(
                run="r",
                method="m",
                sparsity=0.1 + 0.2,
                seed=0,
                stages=(DIGEST,),
                measured={"end": {"accuracy": 90.0, "densities": {"fc.weight": 0.5}}},
                settings={"criterion": "magnitude"},
            ),
        ),
        claims=(
            ClaimRecord(
                id="a", kind="re-run", text="t", where="w", strength="stated", reported="", unit="points",
                test="threshold", verdict="holds", reason="r", value=1.0,
                facts=(FactRecord(statement="s", expected="e", found="f", holds=True),),
            ),
        ),
    )  # fmt: skip


def test_a_record_survives_the_disk_unchanged(record, tmp_path):
    path = tmp_path / "deep" / "record.json"
    record.save(path)
    assert Record.load(path) == record


def test_digests_are_kept_to_128_bits(record):
    stage = StageRecord(digest="ab" * 32, kind="train", label="l", outputs={"mask": "cd" * 32}, seconds=1.0)
    assert (stage.digest, stage.outputs) == ("ab" * 16, {"mask": "cd" * 16})
    assert all(len(digest) == 32 for cell in record.cells for digest in cell.stages)


def test_saving_replaces_the_old_record_and_leaves_nothing_else(record, tmp_path):
    path = tmp_path / "record.json"
    record.save(path)
    record.model_copy(update={"seconds": 2.0}).save(path)
    assert Record.load(path).seconds == 2.0
    assert [each.name for each in tmp_path.iterdir()] == ["record.json"]


def test_a_record_that_is_not_there_is_missing(tmp_path):
    with pytest.raises(RecordMissing, match="repro run"):
        Record.load(tmp_path / "record.json")


def test_a_record_cut_off_anywhere_is_corrupt(record, tmp_path):
    path = tmp_path / "record.json"
    record.save(path)
    whole = path.read_bytes().rstrip()
    for eighth in range(8):
        path.write_bytes(whole[: len(whole) * eighth // 8])
        with pytest.raises(StoreCorrupt, match=r"record\.json"):
            Record.load(path)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"format": "pruneproof-record/9"}, "format"),
        ({"seeds": "many"}, "seeds"),
        ({"colour": "red"}, "colour"),
        ({"environment": {}}, "environment"),
        ({"claims": [{"id": "a"}]}, "claims"),
    ],
)
def test_a_record_of_another_shape_is_corrupt_and_says_where(record, tmp_path, change, named):
    path = tmp_path / "record.json"
    path.write_text(json.dumps(record.model_dump(mode="json") | change))
    with pytest.raises(StoreCorrupt, match=named):
        Record.load(path)


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"\xff\xfe", b"{}", b'{"format": "pruneproof-record/1"}'])
def test_a_file_that_is_no_record_is_corrupt(tmp_path, content):
    path = tmp_path / "record.json"
    path.write_bytes(content)
    with pytest.raises(StoreCorrupt, match=r"record\.json"):
        Record.load(path)


def test_a_folder_in_place_of_a_record_is_corrupt(tmp_path):
    (tmp_path / "record.json").mkdir()
    with pytest.raises(StoreCorrupt, match=r"record\.json"):
        Record.load(tmp_path / "record.json")
