"""What a run found, in a terminal, at a line for each claim."""

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pruneproof.papers.findings import findings
from pruneproof.papers.paper import Paper
from pruneproof.papers.record import ClaimRecord, Record
from pruneproof.report.terminal import VERDICT_STYLES, heading, print_record, print_summary
from pruneproof.report.wording import SYMBOLS, claim_groups, correction, counts, figure


def print_brief(record: Record, paper: Paper, console: Console) -> None:
    """Print the questions with their answers and a line for each judged claim, then the counts.

    A variant answers nothing: it is printed by `print_record`.
    """
    if record.is_variant:
        print_record(record, console)
        return
    console.print(heading(record))
    answered = findings(paper, record)
    for each in answered:
        console.print()
        console.print(Text(each.question, style="bold"))
        counted = f": {each.counts}" if each.counts else ""
        console.print(Text(f"{each.said.capitalize()}{counted}."))
        console.print(_lines(each.claims))
    shown = {claim.id for each in answered for claim in each.claims}
    others = [claim for group in claim_groups(record) for claim in group.judged if claim.id not in shown]
    if counted_others := [claim for claim in others if counts(claim, record)]:
        console.print()
        console.print(Text("Other claims" if answered else "Claims", style="bold"))
        console.print(_lines(counted_others))
    console.print(Text("\nWith -v every claim is told whole, with its interval and its reason.\n", style="dim"))
    print_summary(record, console)


def _lines(claims: Sequence[ClaimRecord]) -> Padding:
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=22)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    for claim in claims:
        found = figure(claim) if claim.value is not None else ""
        text = ": ".join(filter(None, [correction(claim), found, claim.text]))
        table.add_row(
            Text(f"{SYMBOLS[claim.verdict]} {claim.verdict}", style=VERDICT_STYLES[claim.verdict]),
            Text(claim.id),
            Text(text, style="dim"),
        )
    table.expand = True
    return Padding(table, (0, 0, 0, 2))
