"""docs/criteria has an up-to-date page for every built-in criterion."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("update_criteria", ROOT / "docs" / "update_criteria.py")
tool = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(tool)


def test_the_pages_are_made_from_the_criteria():
    found = {path.name: path.read_text(encoding="utf-8") for path in tool.FOLDER.glob("*.md")}
    assert found == tool.pages(), "run `make criteria`"


def test_a_page_tells_equation_source_laws_and_use():
    page = tool.pages()["snip.md"]
    for part in ("|g ⊙ w|", "arXiv 1810.02340", "`loss-scale-invariant`", "`global-mp`, mini, run `mlp`: snip"):
        assert part in page


def test_a_method_is_listed_under_the_criterion_that_any_of_its_steps_names():
    assert (
        "`global-mp`, mini, run `mlp`: global, uniform, erk, lamp, gradual, gradual-short"
        in tool.pages()["magnitude.md"]
    )


def test_a_criterion_that_moves_the_survivors_says_so():
    moving = {name for name, page in tool.pages().items() if "**Survivors.**" in page}
    assert moving == {f"{criterion.id}.md" for criterion in tool.CRITERIA if criterion.updates_survivors} != set()
