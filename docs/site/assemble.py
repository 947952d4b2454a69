"""Gather the pages of the site in site/pages: those of the repository, and those that are made of code and records."""

import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import typer
from typer.main import get_command

from pruneproof.cli.app import app
from pruneproof.papers.committed import committed_records
from pruneproof.papers.load import load_paper
from pruneproof.papers.paper import Paper
from pruneproof.registry.catalog import build_catalog
from pruneproof.report.content import Report, content
from pruneproof.report.html import make_report, render_html
from pruneproof.report.results import tidy_csv
from pruneproof.report.rows import cell_rows
from pruneproof.report.summary import escape
from pruneproof.report.table import completed

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "site" / "pages"
FOLDERS = ("docs", "papers", "plugins", "changes")
PYTHON = ("select", "MaskSet", "run", "load_record", "RecordView")
"""What `import pruneproof` offers."""


def sources() -> list[Path]:
    """Return the repository's pages, below its root."""
    every = [*ROOT.glob("*.md"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md"))]
    return sorted(path.relative_to(ROOT) for path in every if not any(part.startswith(".") for part in path.parts))


def cli_page() -> str:
    """Return the reference of the command line: every verb with its usage, arguments and options."""
    parts = ["# Commands", "Every verb also answers to `--help`.", ""]
    root = get_command(app)

    def tell(command: Any, names: list[str], parent: typer.Context | None) -> None:
        context = typer.Context(command, info_name=names[-1], parent=parent)
        if parent is not None:
            about = (command.help or "").split("\n\n")
            parts.extend([f"## {' '.join(names)}", *about, f"```text\n{command.get_usage(context)}\n```"])
            rows = [record for each in command.params if (record := each.get_help_record(context))]
            if rows:
                parts.append(
                    "\n".join(["| option | |", "|---|---|", *(f"| `{_cell(a)}` | {_cell(b)} |" for a, b in rows)])
                )
        for name, each in getattr(command, "commands", {}).items():
            tell(each, [*names, name], context)

    tell(root, ["repro"], None)
    return "\n\n".join(parts) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def python_page() -> str:
    """Return the page for people who import the package."""
    return "# Python\n\n" + "\n\n".join(f"::: pruneproof.{name}" for name in PYTHON) + "\n"


def api_page() -> str:
    """Return the page for people who write plugins."""
    return "# For plugins\n\n::: pruneproof.api\n    options:\n      show_root_heading: false\n"


def gallery(reports: dict[str, dict[str, Report]]) -> str:
    """Return the page of all papers: a figure of each, and links to the reports of its published records."""
    parts = [
        "# Papers",
        "Each report is one page, made of a published record: findings, figures, claims, what was run.",
    ]
    for name, of_profiles in reports.items():
        info = next(iter(of_profiles.values())).paper.info
        links = [f"[{profile}]({name}/{profile}/report.html)" for profile in of_profiles]
        parts += [
            f"## {name}",
            f"{info.title}. {info.about}",
            f"[What it claims]({name}/README.md) · [every verdict]({name}/VERDICTS.md) · reports: {', '.join(links)}",
        ]
        parts += next(([_image(profile, plot, f"{name}/")] for profile, plot, _ in _shown(of_profiles)), [])
    return "\n\n".join(parts) + "\n"


def figures_of(of_profiles: dict[str, Report]) -> str:
    """Return the part of a paper's page that shows the figures behind the answers to its questions."""
    parts = ["## Figures"]
    for profile, report in of_profiles.items():
        number = sum(map(len, report.plots.values()))
        parts.append(f"[The report of `{profile}`]({profile}/report.html) has all of its {number} figures.")
    for profile, plot, said in _shown(of_profiles):
        parts += [f"### {said[0]}", said[1], _image(profile, plot), f"*{escape(plot.caption)}*"]
    return "\n\n".join(parts) + "\n"


def _shown(of_profiles: dict[str, Report]) -> list[tuple[str, Any, tuple[str, str]]]:
    """Return profile, figure, question and answer of what the record of the largest scale shows, each figure once."""
    profile, report = next(iter(of_profiles.items()))
    found = {}
    for answered, plots in content(report)["findings"]:
        of_runs = [plot for plot in plots if plot not in report.plots[""]] or plots
        for plot in of_runs[:1]:
            said = f"**{answered.said.capitalize()}**" + (f": {answered.counts}." if answered.counts else ".")
            found.setdefault(plot.name, (profile, plot, (answered.question, f"{said} Profile `{profile}`.")))
    return [*found.values()]


def _image(profile: str, plot: Any, below: str = "") -> str:
    return f"![{escape(plot.caption)}]({below}{profile}/figures/{plot.name}.svg){{ loading=lazy }}"


def with_targets(path: Path, text: str, target: Path) -> str:
    """Return a page whose links to folders lead to their first pages; copy the files that it links to.

    A folder without a first page gets a list of its files.
    """

    def follow(match: re.Match[str]) -> str:
        linked = (ROOT / path.parent / unquote(match[1])).resolve()
        if not linked.is_relative_to(ROOT) or not linked.exists():
            return match[0]
        if linked.is_file():
            if linked.suffix != ".md":
                _copy(linked, target)
            return match[0]
        if not (linked / "README.md").exists():
            files = [each for each in sorted(linked.iterdir()) if each.is_file()]
            for each in files:
                _copy(each, target)
            lines = [f"* [{each.name}]({each.name})" for each in files]
            first = target / linked.relative_to(ROOT) / "README.md"
            first.parent.mkdir(parents=True, exist_ok=True)
            first.write_text("\n".join([f"# {linked.relative_to(ROOT)}", "", *lines, ""]), encoding="utf-8")
        return f"]({match[1].rstrip('/')}/README.md"

    return re.sub(r"\]\(([^)\s#:]+)(?=[)#])", follow, text)


def _copy(path: Path, target: Path) -> None:
    place = target / path.relative_to(ROOT)
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, place)


def reports_of(paper: Paper) -> dict[str, Report]:
    """Return profile -> the report of its newest published record, the profile of the largest scale first."""
    catalog = build_catalog(paper.info.plugins)
    return {
        profile: make_report(completed(record, catalog), paper, catalog)
        for profile, (record, *_) in committed_records(paper.folder).items()
    }


def assemble(target: Path = TARGET) -> None:
    """Write all pages, and a report for each published record."""
    shutil.rmtree(target, ignore_errors=True)
    papers = [load_paper(path.parent) for path in sorted(ROOT.glob("papers/*/paper.toml"))]
    reports = {paper.info.id: reports_of(paper) for paper in papers}
    pages = {path: (ROOT / path).read_text(encoding="utf-8") for path in sources()}
    made = {
        "reference/cli.md": cli_page(),
        "reference/python.md": python_page(),
        "reference/api.md": api_page(),
        "papers/README.md": gallery(reports),
    }
    for path, text in pages.items():
        made[path.as_posix()] = with_targets(path, text, target)
    for name, of_profiles in reports.items():
        made[f"papers/{name}/README.md"] += "\n" + figures_of(of_profiles)
        for profile, report in of_profiles.items():
            folder = f"papers/{name}/{profile}"
            made[f"{folder}/report.html"] = render_html(report, "results.csv")
            made[f"{folder}/results.csv"] = tidy_csv(cell_rows(report.record))
            plots = [plot for group in report.plots.values() for plot in group]
            made |= {f"{folder}/figures/{plot.name}.svg": plot.svg for plot in plots}
    for name, text in made.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    assemble()
