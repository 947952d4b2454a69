from pruneproof.report.notebook import record_html
from pruneproof.report.rows import Rows, finding_rows
from pruneproof.report.wording import SCALES


def test_questions_answers_counts_and_scale_are_shown(record, papers):
    text = record_html(record, finding_rows(papers["global-mp"], record))
    assert "2209.14624" in text
    assert "<b>Mostly yes</b>" in text
    assert "152 claims: " in text
    assert SCALES["small"].split("'")[0] in text


def test_a_variant_shows_what_was_changed_and_no_counts(variant):
    text = record_html(variant, Rows())
    assert "mobilenet.retrain.lr=0.2" in text
    assert "claims:" not in text


def test_markup_in_a_record_is_escaped(record):
    text = record_html(record.model_copy(update={"title": "<script>"}), Rows())
    assert "<script>" not in text
