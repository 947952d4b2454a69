"""A record's claims as Markdown tables, for a README."""

from pruneproof.papers.record import ClaimRecord, Record
from pruneproof.report.wording import KINDS, SYMBOLS, claims_by_kind, counts_sentence, figure_with_spread

_SPECIAL = str.maketrans({**{char: f"\\{char}" for char in "\\`*_[]<>|~#$"}, "\n": " "})


def escape(text: str) -> str:
    r"""Return text in which Markdown finds no markup and a table no border.

    >>> print(escape("a_b | <i>"))
    a\_b \| \<i\>
    """
    return text.translate(_SPECIAL)


def claims_table(record: Record) -> str:
    """Return the tested claims and verdicts of a record as Markdown tables, after a line with the counts.

    Re-run claims stand open; printed and mechanism claims fold away.
    """
    parts = [f"{counts_sentence(record)} (profile `{record.profile}`, scale: {record.scale})."]
    for kind, claims in reversed(claims_by_kind(record).items()):
        tested = [claim for claim in claims if claim.verdict != "not-run"]
        if not tested:
            continue
        title = f"{KINDS[kind][0]} claims: {KINDS[kind][1]}"
        table = _table(tested)
        parts.append(
            f"{title}\n\n{table}"
            if kind == "re-run"
            else f"<details><summary>{title} ({len(tested)})</summary>\n\n{table}\n\n</details>"
        )
    return "\n\n".join(parts) + "\n"


def _table(claims: list[ClaimRecord]) -> str:
    lines = ["| verdict | claim | in the paper | paper | ours |", "|---|---|---|---|---|"]
    for claim in claims:
        cells = (
            f"{SYMBOLS[claim.verdict]} {claim.verdict}",
            f"**{claim.id}** {escape(claim.text)}",
            escape(claim.where),
            escape(claim.reported),
            escape(figure_with_spread(claim)),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
