import json
import re

import pytest

from pruneproof.papers.findings import findings
from pruneproof.report.logbook import logbook_page


def cells(page):
    parts = page.split("\n---\n<!-- trackio-cell\n")[1:]
    return [(json.loads(part.split("\n-->\n")[0]), part.split("\n-->\n", 1)[1]) for part in parts]


@pytest.fixture(scope="module")
def page(record, papers):
    return logbook_page(papers["global-mp"], record)


def test_a_page_is_a_title_and_cells_with_type_id_time_and_title(page, record):
    assert re.match(r"# .+ \(mini, small scale\)\n", page)
    found = cells(page)
    assert all(set(facts) >= {"type", "id", "created_at", "title"} for facts, _ in found)
    assert len({facts["id"] for facts, _ in found}) == len(found)
    assert {facts["created_at"] for facts, _ in found} == {record.created}
    assert all(re.fullmatch(r"cell_[0-9a-f]{12}", facts["id"]) for facts, _ in found)


def test_each_question_is_a_cell_with_its_answer_and_claims(page, record, papers):
    by_title = {facts["title"]: body for facts, body in cells(page)}
    for each in findings(papers["global-mp"], record):
        assert by_title[each.question].startswith(f"**{each.said.capitalize()}**: {each.counts}.")
        assert all(f"**{claim.id}**" in by_title[each.question].replace("\\_", "_") for claim in each.claims)
    assert "Small-scale evidence" in by_title["What was found"]
    assert "repro run global-mp --profile mini" in by_title["Run it again"]


def test_nothing_in_a_record_ends_a_comment_or_begins_a_cell(record, papers):
    odd = record.model_copy(update={"title": "a --> b\n---\n<!-- trackio-cell\n{}", "created": "-->"})
    page = logbook_page(papers["global-mp"], odd)
    assert len(cells(page)) == len(cells(logbook_page(papers["global-mp"], record)))
