import json
import subprocess
import sys
from pathlib import Path

import pytest

import pruneproof as pp
from pruneproof.errors import RecordMissing, StoreCorrupt, UnknownName

PAPERS = Path(__file__).parents[2] / "papers"
MINI = next((PAPERS / "gradient-flow" / "records").glob("mini-*.json"))


@pytest.fixture(scope="module")
def view():
    return pp.load_record(MINI)


def test_a_record_is_found_by_file_folder_paper_and_arxiv_number(view, tmp_path):
    (tmp_path / "record.json").write_bytes(MINI.read_bytes())
    assert pp.load_record(str(MINI)).record == view.record
    assert pp.load_record(tmp_path).record == view.record
    assert pp.load_record("gradient-flow", "mini").record == view.record
    assert pp.load_record("arXiv:2009.11839").paper.info.id == "gradient-flow"


def test_what_is_no_record_is_told_by_name(tmp_path):
    (tmp_path / "other.json").write_text("{}")
    for source, problem, words in (
        (tmp_path, RecordMissing, "record.json"),
        (tmp_path / "gone.json", RecordMissing, "gone.json"),
        (tmp_path / "other.json", StoreCorrupt, "other.json"),
        ("gradient-flaw", UnknownName, "gradient-flow"),
    ):
        with pytest.raises(problem, match=words):
            pp.load_record(source)
    with pytest.raises(RecordMissing, match="mini"):
        pp.load_record("gradient-flow", "full")


def test_claims_are_chosen_by_patterns(view):
    assert len(view.claims()) == len(view.record.claims) == len(view.verdicts)
    chosen = view.claims("s1-*", "p1")
    assert {row["claim"] for row in chosen} == {
        claim for claim in view.verdicts if claim.startswith("s1-") or claim == "p1"
    }
    assert all(view.verdicts[row["claim"]] == row["verdict"] for row in chosen)


def test_findings_answer_the_papers_questions(view):
    assert [row["question"] for row in view.findings()] == [each.question for each in view.paper.claims.finding]
    assert {row["answer"] for row in view.findings()} <= {"yes", "mostly yes", "in part", "mostly no", "no", "open"}


def test_a_record_of_a_paper_that_is_not_installed_has_rows_and_no_findings(tmp_path):
    content = json.loads(MINI.read_text(encoding="utf-8")) | {"paper": "somebody-elses"}
    (tmp_path / "record.json").write_text(json.dumps(content))
    stranger = pp.load_record(tmp_path)
    assert stranger.paper is None
    assert not stranger.findings()
    assert len(stranger.cells()) == len(content["cells"])
    assert "somebody-elses at mini" in repr(stranger)
    assert "claims:" in stranger._repr_html_()


def test_opening_a_record_imports_nothing_heavy():
    code = (
        "import sys, pruneproof as pp\n"
        "assert {'load_record', 'run', 'select'} <= set(dir(pp))\n"
        "assert not {'numpy', 'pydantic', 'rich', 'torch'} & set(sys.modules), 'on import'\n"
        "pp.load_record(sys.argv[1])._repr_html_()\n"
        "assert not {'torch', 'matplotlib', 'sklearn'} & set(sys.modules)\n"
    )
    found = subprocess.run([sys.executable, "-c", code, MINI], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr


def test_a_name_that_the_package_lacks_is_an_attribute_error():
    with pytest.raises(AttributeError, match="prune_everything"):
        pp.prune_everything  # noqa: B018
