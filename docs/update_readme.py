"""Write what README and the papers' VERDICTS.md say of the committed records: `make readme`.

README's parts stand between `<!-- papers -->` or `<!-- output -->` and `<!-- end -->`; VERDICTS.md is written whole.
They show the newest record of each profile, and beside it those of the same plan from other machines.
"""

import re
from pathlib import Path

from rich.console import Console

from pruneproof.papers.committed import committed_records
from pruneproof.papers.findings import findings
from pruneproof.papers.load import load_paper
from pruneproof.papers.paper import Paper
from pruneproof.papers.record import Record
from pruneproof.papers.uncompared import uncompared
from pruneproof.registry.catalog import build_catalog
from pruneproof.report.brief import print_brief
from pruneproof.report.summary import claims_table, escape, exploratory_table, findings_list
from pruneproof.report.table import completed
from pruneproof.report.wording import ANSWER_RULE, SCALES, counts_sentence

ROOT = Path(__file__).parent.parent
PAPERS = ("global-mp", "loss-modelling", "gradient-flow", "fairness-trainability", "emerging-paradigms")
"""In the order in which they are shown."""
LINES = 8
"""Of a run's output, in README."""


def records_of(paper: Paper) -> dict[str, list[Record]]:
    """Return profile -> its newest record, then the others of that plan; the profile of the largest scale first."""
    catalog = build_catalog(paper.info.plugins)
    found = committed_records(paper.folder)
    return {profile: [completed(record, catalog) for record in records] for profile, records in found.items()}


def verdicts_page(paper: Paper) -> str:
    """Return VERDICTS.md of a paper."""
    parts = [
        f"# Verdicts of `{paper.info.id}`",
        f"{paper.info.title}, {_arxiv(paper)}. What each profile can show, and what came out, is told in the "
        "[paper's page](README.md); the [records](records/) hold every measurement.",
        "*Printed* claims hold the paper's text against its own tables, *mechanism* claims are exact facts about "
        "networks and masks, *re-run* claims are statistical, over the seeds of networks trained here.",
        ANSWER_RULE,
    ]
    for profile, (record, *others) in records_of(paper).items():
        answers = findings_list(paper, record)
        parts += [f"## Profile `{profile}`", paper.runs.profile(profile).about, SCALES[record.scale]]
        parts += [answers.strip()] if answers else []
        parts += [claims_table(record, others).strip()]
        catalog = build_catalog(paper.info.plugins)
        parts += filter(None, [exploratory_table(uncompared(paper, record, catalog)).strip()])
    return "\n\n".join(parts) + "\n"


def papers_table(papers: list[Paper]) -> str:
    """Return a row per paper: what it says, what the record of the largest scale answers, and how its claims fared."""
    rows = ["| paper | what it says | what we found | claims |", "|---|---|---|---|"]
    for paper in papers:
        profile, (record, *_) = next(iter(records_of(paper).items()))
        said = "; ".join(
            f"{escape(each.short)}: **{each.said}**" for each in findings(paper, record) if each.answer != "not tested"
        )
        name = paper.info.id
        counts = counts_sentence(record).split("; ")[0].partition(": ")[2]
        where = f"`{profile}`, {record.scale} scale: {counts}; [each](papers/{name}/VERDICTS.md)"
        title = f"[`{name}`](papers/{name}/README.md), {_arxiv(paper)}"
        rows.append(f"| {title} | {escape(paper.info.about)} | {said} | {where} |")
    return "\n".join(rows) + "\n"


def output(paper: Paper, profile: str, question: str) -> str:
    """Return the first lines that a run prints about a question."""
    console = Console(width=80, color_system=None, force_terminal=False)
    with console.capture() as capture:
        print_brief(records_of(paper)[profile][0], paper, console)
    lines = [line.rstrip() for line in capture.get().splitlines()]
    start = next(number for number, line in enumerate(lines) if line.startswith(question))
    return "".join(f"    {line}\n" for line in lines[start : start + LINES])


def pages() -> dict[Path, str]:
    """Return path -> text of every page that shows committed records."""
    papers = [load_paper(ROOT / "papers" / name) for name in PAPERS]
    readme = ROOT / "README.md"
    parts = {"papers": papers_table(papers), "output": output(papers[0], "mini", "Is one-shot")}
    text = readme.read_text(encoding="utf-8")
    for name, part in parts.items():
        between = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        text = between.sub(lambda match, part=part: f"{match[1]}\n{part}\n{match[2]}", text)
    return {readme: text} | {paper.folder / "VERDICTS.md": verdicts_page(paper) for paper in papers}


def _arxiv(paper: Paper) -> str:
    return f"arXiv [{paper.info.arxiv}](https://arxiv.org/abs/{paper.info.arxiv})"


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
