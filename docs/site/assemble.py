"""Gather the pages of the site in site/pages: those of the repository, and those that are made of code and records."""

import shutil
from pathlib import Path
from typing import Any

import typer
from typer.main import get_command

from pruneproof.cli.app import app
from pruneproof.papers.committed import committed_records
from pruneproof.papers.load import load_paper
from pruneproof.papers.paper import Paper
from pruneproof.registry.catalog import build_catalog
from pruneproof.report.html import make_report, render_html
from pruneproof.report.table import completed

ROOT = Path(__file__).parents[2]
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


def gallery(papers: list[Paper]) -> str:
    """Return the page of all papers, with a link to the report of each published record."""
    parts = [
        "# Papers",
        "Each report is one page, made of a published record: findings, figures, claims, what was run.",
    ]
    for paper in papers:
        links = [f"[{profile}]({paper.info.id}/{profile}.html)" for profile in committed_records(paper.folder)]
        parts += [
            f"## {paper.info.id}",
            f"{paper.info.title}. {paper.info.about}",
            f"[What it claims]({paper.info.id}/README.md) · [every verdict]({paper.info.id}/VERDICTS.md) · reports: "
            + ", ".join(links),
        ]
    return "\n\n".join(parts) + "\n"


def assemble(target: Path = TARGET) -> None:
    """Write all pages, and a report for each published record."""
    shutil.rmtree(target, ignore_errors=True)
    for path in sources():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, target / path)
    papers = [load_paper(path.parent) for path in sorted(ROOT.glob("papers/*/paper.toml"))]
    made = {
        "reference/cli.md": cli_page(),
        "reference/python.md": python_page(),
        "reference/api.md": api_page(),
        "papers/README.md": gallery(papers),
    }
    for paper in papers:
        catalog = build_catalog(paper.info.plugins)
        for profile, (record, *_) in committed_records(paper.folder).items():
            report = make_report(completed(record, catalog), paper, catalog)
            made[f"papers/{paper.info.id}/{profile}.html"] = render_html(report)
    for name, text in made.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    assemble()
