"""The verdicts of a record in a terminal."""

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from pruneproof.papers.record import ClaimRecord, Record
from pruneproof.report.comparison import by_suffix, in_points, mean_and_spread
from pruneproof.report.results import points
from pruneproof.report.wording import (
    KINDS,
    SYMBOLS,
    claims_by_kind,
    counts_sentence,
    figure,
    figure_with_spread,
    judged,
    not_run,
    percent,
    spread,
    warnings,
)

WIDE = 120
"""Columns from which claims stand in a table; below, each is a block of its own."""

ROOM_FOR_INTERVALS = 96
"""Columns from which the comparison of a variant shows intervals."""

_STYLES = {"holds": "bold green", "fails": "bold red", "inconclusive": "bold yellow", "not-run": "dim"}


def print_record(record: Record, console: Console) -> None:
    """Print the verdicts grouped by kind of claim, the counts, and what they are evidence of."""
    console.print(_heading(record))
    for kind, claims in claims_by_kind(record).items():
        title, meaning = KINDS[kind]
        where = f", profile {record.profile}" if kind == "re-run" else ""
        console.print()
        console.print(Rule(Text(f"{title} claims{where}", style="bold"), align="left", style="dim"))
        console.print(Text(meaning, style="dim"))
        tested = judged(claims)
        console.print(_table(tested) if console.width >= WIDE else _blocks(tested))
        for reason, waiting in not_run(claims).items():
            console.print(_waiting(reason, waiting))
    if record.twins:
        console.print()
        console.print(_beside(record, is_wide=console.width >= ROOM_FOR_INTERVALS))
    elif record.is_variant:
        console.print()
        console.print(_results(record))
    console.print()
    if record.claims:
        console.print(Text(counts_sentence(record), style="bold"))
    for warning in warnings(record):
        console.print(Text(warning, style="yellow" if record.scale != "paper" or record.is_variant else ""))


def _heading(record: Record) -> Text:
    arxiv = f"  arXiv {record.arxiv}" if record.arxiv else ""
    seeds = f"{len(record.seeds)} seed{'s' if len(record.seeds) != 1 else ''}"
    return Text.assemble(
        (record.paper, "bold"), f"  {record.title}", (f"{arxiv}  profile {record.profile}, {seeds}", "dim")
    )


def _verdict(claim: ClaimRecord) -> Text:
    return Text(f"{SYMBOLS[claim.verdict]} {claim.verdict}", style=_STYLES[claim.verdict], no_wrap=True)


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
            Text.assemble((claim.id, "bold"), " ", claim.text),
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
        found += [line, Padding(Text(claim.text), (0, 0, 0, 2)), Padding(facts, (0, 0, 1, 2))]
    return Group(*found)


def _waiting(reason: str, claims: list[ClaimRecord]) -> RenderableType:
    number = f"  {len(claims)} claim{'s' if len(claims) != 1 else ''}"
    names = ", ".join(claim.id for claim in claims)
    return Group(
        Text.assemble(_verdict(claims[0]), number), Padding(Text(f"{reason}: {names}", style="dim"), (0, 0, 1, 2))
    )


def _beside(record: Record, *, is_wide: bool) -> RenderableType:
    tables: list[RenderableType] = []
    for (run, suffix), pairs in by_suffix(record).items():
        title = f"{run}: {suffix} beside the paper's own, {len(pairs[0].seeds)} seeds"
        table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
        table.add_column("method", no_wrap=True)
        for name in ("sparsity", "own", suffix, "difference", *(["95 % interval"] if is_wide else [])):
            table.add_column(name, justify="right", no_wrap=True)
        for pair in pairs:
            interval = pair.interval
            table.add_row(
                pair.own.method,
                percent(pair.own.sparsity),
                mean_and_spread(pair.own.accuracies),
                mean_and_spread(pair.twin.accuracies),
                in_points(pair.difference),
                *([f"{in_points(interval.low)} to {in_points(interval.high)}" if interval else ""] if is_wide else []),
            )
        tables.append(table)
    note = "Test accuracy (%), mean ± standard deviation over seeds; differences seed by seed. No verdicts: a variant."
    return Group(*tables, Text(note, style="dim"))


def _results(record: Record) -> Table:
    table = Table(title="Results (no verdicts: a variant)", title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for name in ("run", "method"):
        table.add_column(name)
    for name in ("sparsity", "accuracy", "95 % interval", "seeds", "MACs kept"):
        table.add_column(name, justify="right", no_wrap=True)
    for run, found in points(record).items():
        for point in found:
            interval = point.interval
            table.add_row(
                run,
                point.method,
                percent(point.sparsity),
                f"{point.accuracy:.2f}",
                f"{interval.low:.2f} to {interval.high:.2f}" if interval else "",
                str(len(point.by_seed)),
                percent(round(point.macs_kept, 4)),
            )
    return table
