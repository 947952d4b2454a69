"""An audit in words: for a terminal, as JSON values, and as a Markdown table for a paper's appendix."""

from itertools import groupby
from typing import Any

from pruneproof.papers.audit import Audit, Finding
from pruneproof.papers.audit_card import POINTS, is_close
from pruneproof.report.summary import escape

ANSWERS = {True: "yes", False: "no", None: "unknown"}
LONGEST = 6
"""Pieces of a learning rate that are written out."""


def said(value: Any) -> str:
    """Return a value of a field in words; a tuple of numbers is a learning rate over its epochs.

    >>> said((0.1,) * 300 + (0.01,) * 100), said(()), said(None), said(90.0), said(("crop", "flip"))
    ('0.1 for 3 epochs, 0.01 for 1', 'none', 'unknown', '90', 'crop, flip')
    """
    if value is None:
        return "unknown"
    if not isinstance(value, tuple):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if not value or isinstance(value[0], str):
        return ", ".join(value) or "none"
    pieces = [(rate, len(list(same)) / POINTS) for rate, same in groupby(value)]
    if len(pieces) > LONGEST:
        return f"{value[0]:g} to {value[-1]:g} over {len(value) / POINTS:g} epochs, at most {max(value):g}"
    (rate, epochs), *rest = pieces
    return ", ".join([f"{rate:g} for {epochs:g} epochs", *(f"{each:g} for {length:g}" for each, length in rest)])


def difference(finding: Finding) -> str:
    """Return both values of a field, and of learning rates where they part."""
    first, second = finding.first, finding.second
    text = f"{said(first)} against {said(second)}"
    if not (isinstance(first, tuple) and isinstance(second, tuple)) or finding.same is not False:
        return text
    apart = next((n for n, pair in enumerate(zip(first, second, strict=False)) if not is_close(*pair)), None)
    return text if apart is None else f"{text}; they part at epoch {apart / POINTS:g}"


def sentences(audit: Audit) -> list[str]:
    """Return what an audit found, a sentence each, the level first."""
    names = audit.first.name, audit.second.name
    same = "; ".join(level.about for level in audit.levels if level.id in audit.proved)
    found = [f"Proved: {', '.join(audit.proved)}. The same are {same}." if same else "No level is proved."]
    for level, finding in audit.blocks.items():
        verb = "differs" if finding.same is False else "is unknown"
        found.append(f"Not {level}: {finding.field} {verb}: {difference(finding)}.")
    if _more(audit):
        found.append(f"What is unknown leaves open: {', '.join(_more(audit))}.")
    for each in audit.advantages:
        who = names[0] if each.is_first else names[1]
        found.append(f"Advantage of {who}: {each.what} ({each.first:g} against {each.second:g}).")
    found += [f"Assumed to be equal, and differs: {each.field}: {difference(each)}." for each in audit.violated]
    both = [each for each in audit.unknown[0] if each in audit.unknown[1]]
    for name, fields in zip(("both", *names), (both, *audit.unknown), strict=True):
        own = [each for each in fields if name == "both" or each not in both]
        found += [f"Unknown of {name}: {', '.join(own)}."] if own else []
    found += [f"Outside of what the set-ups were made for: {each}." for each in audit.outside]
    return [*found, f"Speed-ups and compression rates count as the same up to a difference of {audit.tolerance:g}."]


def _more(audit: Audit) -> list[str]:
    return [level for level in audit.possible if level not in audit.proved]


def rows(audit: Audit) -> list[tuple[str, str, str, str]]:
    """Return field, both values and whether they are the same, of all fields that levels ask for."""
    return [(each.field, said(each.first), said(each.second), ANSWERS[each.same]) for each in audit.findings]


def as_markdown(audit: Audit) -> str:
    """Return the audit as a Markdown table, and its sentences below."""
    head = ("", audit.first.name, audit.second.name, "same")
    lines = [_row(head), "|---|---|---|---|", *map(_row, rows(audit)), ""]
    return "\n".join([*lines, *(f"* {escape(sentence)}" for sentence in sentences(audit))])


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(map(escape, cells))} |"


def as_json(audit: Audit) -> dict[str, Any]:
    """Return the audit as JSON values, learning rates in words."""
    return {
        "first": audit.first.name,
        "second": audit.second.name,
        "level": audit.level,
        "proved": audit.proved,
        "possible": audit.possible,
        "blocks": {level: _finding(each) for level, each in audit.blocks.items()},
        "fields": [_finding(each) for each in audit.findings],
        "advantages": [
            {
                "what": each.what,
                "of": "first" if each.is_first else "second",
                "first": each.first,
                "second": each.second,
            }
            for each in audit.advantages
        ],
        "violated": [_finding(each) for each in audit.violated],
        "unknown": dict(zip(("first", "second"), audit.unknown, strict=True)),
        "outside": audit.outside,
        "tolerance": audit.tolerance,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "field": finding.field,
        "first": said(finding.first),
        "second": said(finding.second),
        "same": finding.same,
    }
