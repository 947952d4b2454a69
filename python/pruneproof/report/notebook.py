"""A record as a notebook shows it."""

from html import escape

from pruneproof.papers.record import Record
from pruneproof.report.rows import Rows
from pruneproof.report.wording import SCALE_NAMES, counts_sentence, warnings


def record_html(record: Record, findings: Rows) -> str:
    """Return what was run, the questions with their answers, the counts, and what a reader must know before them."""
    number = len(record.seeds)
    arxiv = f', <a href="https://arxiv.org/abs/{escape(record.arxiv)}">arXiv {escape(record.arxiv)}</a>'
    seeds = f"{number} seed{'s' if number != 1 else ''}"
    answers = "".join(
        f"<li>{escape(row['question'])} <b>{escape(row['answer'].capitalize())}</b>: {escape(row['verdicts'])}</li>"
        for row in findings
    )
    parts = [
        f"<p><b>{escape(record.title)}</b>{arxiv if record.arxiv else ''}. "
        f"Profile <code>{escape(record.profile)}</code>, {SCALE_NAMES[record.scale]}, {seeds}.</p>",
        f"<ul>{answers}</ul>" if answers else "",
        f"<p>{escape(counts_sentence(record))}.</p>" if record.claims else "",
        *(f"<p><small>{escape(each)}</small></p>" for each in warnings(record)),
    ]
    return "".join(parts)
