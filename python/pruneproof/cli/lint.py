"""`repro lint PAPER`: a paper's files against each other, and its text against its own tables."""

from pruneproof.cli.options import JsonOption, Paper, PluginOption, print_json
from pruneproof.cli.output import say


def lint(paper: Paper, plugin: PluginOption = None, json: JsonOption = False) -> int:
    """Check a paper's files, and its statements against its own printed tables; nothing is run.

    Exit status: 0 the tables support every statement, 1 one is not supported.
    """
    from pruneproof.papers.check_names import check_names
    from pruneproof.papers.installed import open_paper
    from pruneproof.papers.printed import check_printed
    from pruneproof.papers.schema import PrintedClaim
    from pruneproof.registry.catalog import build_catalog
    from pruneproof.report.figures import try_figures

    found = open_paper(paper, plugin or ())
    catalog = build_catalog(found.info.plugins, files=plugin or ())
    check_names(found, catalog)
    try_figures(found, catalog)
    answers = [
        (claim, *check_printed(claim, found.tables)) for claim in found.claims.claim if isinstance(claim, PrintedClaim)
    ]
    if json:
        print_json(
            [
                {
                    "id": claim.id,
                    "text": claim.text,
                    "where": claim.where,
                    "verdict": outcome.verdict,
                    "reason": outcome.reason,
                    "facts": [fact.to_json() for fact in facts],
                }
                for claim, outcome, facts in answers
            ]
        )
    else:
        for claim, outcome, facts in answers:
            say(f"{'ok  ' if outcome.verdict == 'holds' else 'FAIL'} {claim.id}: {claim.text} ({claim.where})")
            for fact in facts:
                if not fact.holds:
                    say(f"       {fact.statement}: expected {fact.expected}, found {fact.found}")
        failed = sum(outcome.verdict == "fails" for _, outcome, _ in answers)
        say(f"{len(answers) - failed} of {len(answers)} statements are supported by the paper's own tables")
    return int(any(outcome.verdict == "fails" for _, outcome, _ in answers))
