"""A record's findings and claims in Markdown, for pages that show committed records."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from pruneproof.papers.findings import findings
from pruneproof.papers.paper import Paper
from pruneproof.papers.record import ClaimRecord, Record
from pruneproof.papers.side_by_side import Row, side_by_side
from pruneproof.papers.uncompared import Uncompared
from pruneproof.report.exploratory import HEADS, exploratory_rows, exploratory_sentence
from pruneproof.report.wording import (
    SYMBOLS,
    claim_groups,
    counts_sentence,
    figure_with_spread,
    headline_sentence,
    looks_sentence,
    standing,
)
from pruneproof.values.visible import visible

_SPECIAL = str.maketrans({**{char: f"\\{char}" for char in "\\`*_[]<>|~#$"}, "\n": " "})


def escape(text: str) -> str:
    r"""Return text in which Markdown finds no markup and a table no border.

    >>> print(escape("a_b | <i>"))
    a\_b \| \<i\>
    """
    return visible(text).replace("\t", " ").translate(_SPECIAL)


def code(text: str) -> str:
    r"""Return text that stays inside a code span, and inside the cell of a table.

    >>> print(code("a`b|c"))
    a'b\|c
    """
    return visible(text).replace("`", "'").replace("|", r"\|").replace("\n", " ")


def address(text: str) -> str:
    """Return text that stays a part of an address, in a link and in the cell of a table.

    >>> print(address("2009.1|[x](y)"))
    2009.1%7C%5Bx%5D%28y%29
    """
    return quote(text.encode("utf-8", "replace"), safe="/:?&=+,@~%#")


def findings_list(paper: Paper, record: Record) -> str:
    """Return the paper's questions with the answers of a record, a Markdown list."""
    return "".join(
        f"* {escape(each.question)} **{each.said.capitalize()}**{f': {each.counts}' if each.counts else ''}.\n"
        for each in findings(paper, record)
    )


def claims_table(record: Record, others: Sequence[Record] = ()) -> str:
    """Return the tested claims and verdicts of a record as Markdown tables, after a line with the counts.

    Statistical claims stand open and first; the others fold away. A claim on which `others`, records of the same paper
    and profile from other machines, come to another verdict is `contested`, and the figures of all are shown.

    Raises:
        BadOption: one of `others` is of another paper or profile.
    """
    rows = side_by_side([record, *others]) if others else []
    contested = {row.id: row for row in rows if row.contested}
    parts = [f"{counts_sentence(record)} (profile `{record.profile}`, scale: {record.scale})."]
    parts += filter(
        None, [headline_sentence(record), looks_sentence(record), _agreement_sentence([record, *others], contested)]
    )
    for group in sorted(claim_groups(record), key=lambda group: not group.is_statistical):
        if not group.judged:
            continue
        title = f"{group.kind.title} claims: {group.kind.about}"
        table = _table(group.judged, contested)
        parts.append(
            f"{title}\n\n{table}"
            if group.is_statistical
            else f"<details><summary>{title} ({len(group.judged)})</summary>\n\n{table}\n\n</details>"
        )
    return "\n\n".join(parts) + "\n"


def exploratory_table(found: Sequence[Uncompared]) -> str:
    """Return the differences that no claim is about, folded away; empty where there are none."""
    if not found:
        return ""
    lines = [f"| {' | '.join(HEADS)} |", "|---" * len(HEADS) + "|"]
    lines += [f"| {' | '.join(map(escape, row))} |" for row in exploratory_rows(found)]
    table = "\n".join(lines)
    title = "Measured, compared by no claim, and clear of zero"
    return f"<details><summary>{title}</summary>\n\n{exploratory_sentence(found)}\n\n{table}\n\n</details>\n"


def _agreement_sentence(records: Sequence[Record], contested: Mapping[str, Row]) -> str:
    if len(records) == 1:
        return ""
    machines = ", ".join(escape(str(record.environment.get("processor"))) for record in records)
    said = f"contested: {escape(', '.join(contested))}" if contested else "no verdict is contested"
    return f"{len(records)} records of this profile ({machines}): {said}."


def _table(claims: Sequence[ClaimRecord], contested: Mapping[str, Row]) -> str:
    lines = ["| verdict | claim | in the paper | paper | ours |", "|---|---|---|---|---|"]
    for claim in claims:
        mark = f" *({said})*" if (said := standing(claim)) else ""
        note = f" *Here: {escape(claim.note)}*" if claim.note else ""
        verdict, figure = _said_by_all(contested[claim.id]) if claim.id in contested else _said(claim)
        cells = (
            verdict,
            f"**{escape(claim.id)}** {escape(claim.text)}{mark}{note}",
            f"{escape(claim.where)} ({escape(claim.strength)})",
            escape(claim.reported),
            figure,
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _said(claim: ClaimRecord) -> tuple[str, str]:
    return f"{SYMBOLS[claim.verdict]} {claim.verdict}", escape(figure_with_spread(claim))


def _said_by_all(row: Row) -> tuple[str, str]:
    each = [": ".join(_said(claim)) for claim in row.claims if claim is not None]
    return "⚡ contested", "; ".join(each)
