"""A record's claims as Markdown tables, for a README."""

from pruneproof.papers.record import ClaimRecord, Record
from pruneproof.report.wording import (
    SYMBOLS,
    claim_groups,
    counts_sentence,
    figure_with_spread,
    headline_sentence,
    standing,
)

_SPECIAL = str.maketrans({**{char: f"\\{char}" for char in "\\`*_[]<>|~#$"}, "\n": " "})


def escape(text: str) -> str:
    r"""Return text in which Markdown finds no markup and a table no border.

    >>> print(escape("a_b | <i>"))
    a\_b \| \<i\>
    """
    return text.translate(_SPECIAL)


def claims_table(record: Record) -> str:
    """Return the tested claims and verdicts of a record as Markdown tables, after a line with the counts.

    Statistical claims stand open and first; the others fold away.
    """
    parts = [f"{counts_sentence(record)} (profile `{record.profile}`, scale: {record.scale})."]
    parts += filter(None, [headline_sentence(record)])
    for group in sorted(claim_groups(record), key=lambda group: not group.is_statistical):
        if not group.judged:
            continue
        title = f"{group.kind.title} claims: {group.kind.about}"
        table = _table(group.judged)
        parts.append(
            f"{title}\n\n{table}"
            if group.is_statistical
            else f"<details><summary>{title} ({len(group.judged)})</summary>\n\n{table}\n\n</details>"
        )
    return "\n\n".join(parts) + "\n"


def _table(claims: list[ClaimRecord]) -> str:
    lines = ["| verdict | claim | in the paper | paper | ours |", "|---|---|---|---|---|"]
    for claim in claims:
        mark = f" *({said})*" if (said := standing(claim)) else ""
        note = f" *Here: {escape(claim.note)}*" if claim.note else ""
        cells = (
            f"{SYMBOLS[claim.verdict]} {claim.verdict}",
            f"**{claim.id}** {escape(claim.text)}{mark}{note}",
            f"{escape(claim.where)} ({claim.strength})",
            escape(claim.reported),
            escape(figure_with_spread(claim)),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
