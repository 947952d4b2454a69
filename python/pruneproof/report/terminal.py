"""The verdicts of a record in a terminal."""

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from pruneproof.drawing.numbers import percent, shown
from pruneproof.drawing.table import Table as Measured
from pruneproof.papers.record import ClaimRecord, Record
from pruneproof.report.comparison import by_suffix, difference_of
from pruneproof.report.results import ResultTable, result_tables
from pruneproof.report.table import table_of
from pruneproof.report.wording import (
    SCALE_NAMES,
    SYMBOLS,
    claim_groups,
    counts_sentence,
    figure,
    figure_with_spread,
    headline_sentence,
    looks_sentence,
    registration_sentence,
    spread,
    standing,
    warnings,
)

WIDE = 120
"""Columns from which claims stand in a table; below, each is a block of its own."""

ROOM_FOR_INTERVALS = 96
"""Columns from which the comparison of a variant shows intervals."""

VERDICT_STYLES = {
    "holds": "bold green",
    "fails": "bold red",
    "absent": "bold magenta",
    "inconclusive": "bold yellow",
    "not-run": "dim",
}


def print_record(record: Record, console: Console) -> None:
    """Print the verdicts grouped by kind of claim, the counts, and what they are evidence of."""
    console.print(heading(record))
    for group in claim_groups(record):
        where = f", profile {record.profile}, {SCALE_NAMES[record.scale]}" if group.is_statistical else ""
        console.print()
        console.print(Rule(Text(f"{group.kind.title} claims{where}", style="bold"), align="left", style="dim"))
        console.print(Text(group.kind.about, style="dim"))
        console.print(_table(group.judged) if console.width >= WIDE else _blocks(group.judged))
        for reason, waiting in group.waiting.items():
            console.print(_waiting(reason, waiting))
    if record.is_variant:
        table = table_of(record)
        console.print()
        if record.twins:
            console.print(_twins(table, is_wide=console.width >= ROOM_FOR_INTERVALS))
        else:
            console.print(_results(table, console.width))
    console.print()
    print_summary(record, console)


def print_summary(record: Record, console: Console) -> None:
    """Print how many claims got each verdict, how they were corrected and registered, and what they show."""
    if record.claims:
        console.print(Text(counts_sentence(record), style="bold"))
    for sentence in filter(None, [headline_sentence(record), registration_sentence(record), looks_sentence(record)]):
        console.print(Text(sentence))
    for warning in warnings(record):
        console.print(Text(warning, style="yellow" if record.scale != "paper" or record.is_variant else ""))


def heading(record: Record) -> Text:
    """Return what was run: paper, title, profile and seeds."""
    arxiv = f"  arXiv {record.arxiv}" if record.arxiv else ""
    seeds = f"{len(record.seeds)} seed{'s' if len(record.seeds) != 1 else ''}"
    return Text.assemble(
        (record.paper, "bold"), f"  {record.title}", (f"{arxiv}  profile {record.profile}, {seeds}", "dim")
    )


def _verdict(claim: ClaimRecord) -> Text:
    return Text(f"{SYMBOLS[claim.verdict]} {claim.verdict}", style=VERDICT_STYLES[claim.verdict], no_wrap=True)


def _table(claims: list[ClaimRecord]) -> Table:
    table = Table(show_edge=False, pad_edge=False, header_style="dim", box=None, padding=(0, 2, 1, 0), expand=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("claim", ratio=7)
    table.add_column("in the paper", ratio=2)
    if any(claim.reported for claim in claims):
        table.add_column("paper", ratio=2)
    table.add_column("ours", ratio=4)
    table.add_column("reason", ratio=5, style="dim")
    for claim in claims:
        cells: list[Text] = [
            _verdict(claim),
            Text.assemble((claim.id, "bold"), " ", claim.text, _standing(claim)),
            Text(claim.where),
            *([Text(claim.reported)] if any(each.reported for each in claims) else []),
            Text.assemble(figure(claim), "\n", (spread(claim), "dim")),
            Text(claim.reason),
        ]
        table.add_row(*cells)
    return table


def _blocks(claims: list[ClaimRecord]) -> RenderableType:
    found: list[RenderableType] = []
    for claim in claims:
        line = Text.assemble(_verdict(claim), "  ", (claim.id, "bold"), "  ", (claim.where, "dim"))
        facts = Table.grid(padding=(0, 1))
        facts.add_column(style="dim", no_wrap=True)
        facts.add_column()
        for name, text in (("paper", claim.reported), ("ours", figure_with_spread(claim)), ("why", claim.reason)):
            if text:
                facts.add_row(name, Text(text, style="dim" if name == "why" else ""))
        found += [
            line,
            Padding(Text.assemble(claim.text, _standing(claim)), (0, 0, 0, 2)),
            Padding(facts, (0, 0, 1, 2)),
        ]
    return Group(*found)


def _standing(claim: ClaimRecord) -> tuple[str, str]:
    """Return the mark of a headline claim with its style."""
    return (f" ({mark})" if (mark := standing(claim)) else "", "italic")


def _waiting(reason: str, claims: list[ClaimRecord]) -> RenderableType:
    number = f"  {len(claims)} claim{'s' if len(claims) != 1 else ''}"
    names = ", ".join(claim.id for claim in claims)
    return Group(
        Text.assemble(_verdict(claims[0]), number), Padding(Text(f"{reason}: {names}", style="dim"), (0, 0, 1, 2))
    )


def _twins(table: Measured, *, is_wide: bool) -> RenderableType:
    tables: list[RenderableType] = []
    for (run, suffix), pairs in by_suffix(table).items():
        what = pairs[0].quantity
        title = f"{run}: {what.label}, {suffix} and the paper's own, {len(pairs[0].seeds)} seeds"
        made = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
        made.add_column("method", no_wrap=True)
        for name in ("sparsity", "own", suffix, "difference", *(["95 % interval"] if is_wide else [])):
            made.add_column(name, justify="right", no_wrap=True)
        for pair in pairs:
            interval, (own, twin) = pair.interval, pair.both
            ends = [difference_of(end, what.info.unit) for end in (interval.low, interval.high)] if interval else []
            made.add_row(
                pair.own.method,
                percent(pair.own.sparsity),
                shown(own, what.info.unit),
                shown(twin, what.info.unit),
                difference_of(pair.difference, what.info.unit),
                *([" to ".join(ends)] if is_wide else []),
            )
        tables.append(made)
    note = "Mean ± standard deviation over seeds; differences seed by seed. No verdicts: a variant."
    return Group(*tables, Text(note, style="dim"))


def _results(table: Measured, width: int) -> RenderableType:
    parts: list[RenderableType] = [Text("Results (no verdicts: a variant)", style="bold")]
    for run in table.distinct("run"):
        parts += [_result(run, each, width) for each in result_tables(table, run)[:1]]
    return Group(*parts)


def _result(run: str, found: ResultTable, width: int) -> RenderableType:
    """Return the metrics of a run that fit beside each other."""
    rows = found.rows
    room = width - _room([run, *(group.method for group, _ in rows)]) - _room(["sparsity"]) - _room(["seeds"])
    columns = []
    for column, head in enumerate(found.heads):
        room -= _room([head, *(texts[column] for _, texts in rows)])
        if room < 0:
            break
        columns.append(column)
    made = Table(box=SIMPLE_HEAD)
    made.add_column(run, no_wrap=True)
    for head in ("sparsity", *(found.heads[column] for column in columns), "seeds"):
        made.add_column(head, justify="right", no_wrap=True)
    for group, texts in rows:
        made.add_row(
            group.method,
            percent(group.sparsity),
            *(texts[column] for column in columns),
            str(len(group.seeds)),
        )
    left = found.heads[len(columns) :]
    note = f"Mean ± standard deviation over seeds. Also measured, in results.csv: {', '.join(left)}." if left else ""
    return Group(made, Text(note, style="dim")) if note else made


def _room(texts: list[str]) -> int:
    """Return the columns of a terminal that a column of texts takes."""
    return max(map(len, texts)) + 2
