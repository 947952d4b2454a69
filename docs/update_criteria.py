"""Write docs/criteria anew, one page per built-in criterion, from the criteria and the papers: `make criteria`."""

import inspect
import re
from pathlib import Path

from pruneproof.api import Criterion
from pruneproof.contracts.laws import CLAIMABLE_LAWS
from pruneproof.criteria.catalogue import CRITERIA
from pruneproof.papers.check_names import named_by
from pruneproof.papers.load import load_paper
from pruneproof.papers.paper import Paper
from pruneproof.papers.schema import Run
from pruneproof.papers.short_form import steps_of

ROOT = Path(__file__).parent.parent
MOST = 6
"""How many of a run's methods a page names."""
FOLDER = ROOT / "docs" / "criteria"


def pages() -> dict[str, str]:
    """Return file name -> content of every page."""
    papers = [load_paper(file.parent) for file in sorted(ROOT.glob("papers/*/paper.toml"))]
    found = {f"{criterion.id}.md": page(criterion, papers) for criterion in CRITERIA}
    rows = [f"* [`{each.id}`]({each.id}.md): {first_sentence(each)}" for each in CRITERIA]
    found["README.md"] = "\n".join(
        [
            "# Criteria",
            "",
            "Larger scores are kept. [Laws](../conformance.md) says what each law means. Written by `make criteria`.",
            "",
            *rows,
            "",
        ]
    )
    return found


def page(criterion: Criterion, papers: list[Paper]) -> str:
    """Return the page of one criterion."""
    source = criterion.source
    arxiv = f", [arXiv {source.arxiv}](https://arxiv.org/abs/{source.arxiv})" if source.arxiv else ""
    equation = f" ({source.equation})" if source.equation else ""
    parts = [
        f"# `{criterion.id}`",
        described(criterion),
        f"**Source.** {source.authors} ({source.year}): {source.title}{arxiv}{equation}.",
        f"**Ingredients.** {', '.join(f'`{name}`' for name in criterion.ingredients)}.",
    ]
    if criterion.options:
        parts.append(f"**Options.** {', '.join(f'`{name} = {value!r}`' for name, value in criterion.options.items())}.")
    if criterion.updates_survivors:
        parts.append("**Survivors.** Pruning by it also changes the weights that stay.")
    laws = [f"* `{law}`: {meaning(law)}." for law in sorted(criterion.laws)]
    parts.append("\n".join(["**Laws** beyond those that [every criterion obeys](../conformance.md):", "", *laws]))
    if criterion.expected_failures:
        failures = [f"* `{law}`: {reason}" for law, reason in sorted(criterion.expected_failures.items())]
        parts.append("\n".join(["**Expected failures:**", "", *failures]))
    parts.append("\n".join(["**Where papers use it:**", "", *uses(criterion.id, papers)]))
    return "\n\n".join(parts) + "\n"


def first_sentence(criterion: Criterion) -> str:
    """Return the first paragraph of the function's docstring."""
    return text_of(criterion).split("\n\n")[0].replace("\n", " ")


def text_of(criterion: Criterion) -> str:
    """Return the docstring without the headings that follow the example."""
    return re.split(r"\n\n(?=Args:|Returns:|Raises:)", inspect.cleandoc(criterion.score.__doc__ or ""))[0]


def described(criterion: Criterion) -> str:
    """Return the docstring's text, with its example as one that runs by itself."""
    text, _, example = text_of(criterion).partition("\n\n>>> ")
    function = criterion.score
    example = example.removeprefix("import torch\n>>> ")
    lines = ["import torch", f"from {function.__module__} import {function.__name__}", example]
    return "\n".join([text, "", "```python", *(f">>> {line}" for line in lines), "", "```"])


def meaning(law: str) -> str:
    """Return a law's meaning in one line."""
    degree = re.fullmatch(r"homogeneous-(-?\d+)", law)
    return CLAIMABLE_LAWS["homogeneous-K"].replace(" of K", f" of {degree[1]}") if degree else CLAIMABLE_LAWS[law]


def uses(criterion: str, papers: list[Paper]) -> list[str]:
    """Return one line per paper, profile and run with methods that score by the criterion."""
    lines = []
    for paper in papers:
        for profile in paper.runs.profiles:
            for name, run in paper.runs.runs(profile).items():
                methods = scoring_by(criterion, run)
                if methods:
                    rest = f", ... ({len(methods)} in all)" if len(methods) > MOST else ""
                    lines.append(f"* `{paper.info.id}`, {profile}, run `{name}`: {', '.join(methods[:MOST])}{rest}")
    return lines or ["* none yet"]


def scoring_by(criterion: str, run: Run) -> list[str]:
    """Return the methods of a run that score by the criterion in any of their steps, each once."""
    found = {
        method.method: None
        for method in run.methods
        for of, chosen in named_by(steps_of(run, method))
        if of is Criterion and chosen.id == criterion
    }
    return list(found)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    written = pages()
    for stale in {path.name for path in FOLDER.glob("*.md")} - set(written):
        (FOLDER / stale).unlink()
    for file, content in written.items():
        (FOLDER / file).write_text(content, encoding="utf-8")
