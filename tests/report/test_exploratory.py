from pruneproof.report.exploratory import exploratory_rows, exploratory_sentence
from pruneproof.report.html import render_html
from pruneproof.report.markdown import render_markdown
from pruneproof.report.summary import exploratory_table


def test_every_report_folds_away_what_no_claim_compares(report):
    rows = exploratory_rows(report.uncompared)
    assert ("mobilenet", "95 %", "floor", "global", "empty-tensors") in [row[:5] for row in rows]
    for text in (render_html(report), render_markdown(report), exploratory_table(report.uncompared)):
        words = " ".join(text.replace("\\", "").split())
        folded = words[words.index("Measured, compared by no claim, and clear of zero</summary>") :]
        assert exploratory_sentence(report.uncompared) in folded
        assert "Exploratory: looked for afterwards" in folded
        assert rows[0][5] in folded
    assert exploratory_table([]) == ""
