"""Every Markdown page: links lead somewhere, commands exist, Python runs."""

import doctest
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
import typer

from pruneproof.cli.app import app

ROOT = Path(__file__).parents[2]
VERBS = typer.main.get_command(app).commands
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
SHELL = {"console", "bash", "sh", "shell", ""}


def text_of(page):
    return page.read_text(encoding="utf-8")


def commands(text):
    """Return what the page sets as code and a shell would run: lines of shell blocks, and inline code."""
    blocks = [line for language, body in FENCE.findall(text) if language in SHELL for line in body.splitlines()]
    inline = re.findall(r"`([^`\n]+)`", FENCE.sub("", text))
    return [code.strip().removeprefix("$ ") for code in (*blocks, *inline)]


def anchors(page):
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text_of(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page):
    found = []
    for link in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", text_of(page))):
        target, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        path = page.parent / unquote(target) if target else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            found.append(link)
    return found


def unknown_commands(text):
    """Return the `repro` verbs and options, and the `make` targets, that do not exist."""
    found = []
    for code in commands(text):
        verb = re.match(r"repro ([a-z][\w-]*)((?: .*)?)$", code)
        if verb:
            command = VERBS.get(verb[1])
            nested = getattr(command, "commands", None)
            if nested is not None:
                command = nested.get(verb[2].split()[0]) if verb[2].split() else command
            options = {option for each in getattr(command, "params", ()) for option in each.opts} | {"--help", "-h"}
            used = re.findall(r"(?<= )--?[a-z][a-z-]*", verb[2])
            if command is None or not options.issuperset(used):
                found.append(code)
        target = re.match(r"make ([a-z-]+)", code)
        if target and target[1] not in TARGETS:
            found.append(code)
    return found


def test_every_relative_link_leads_to_a_file_and_heading(page):
    assert broken_links(page) == []


def test_every_command_named_exists(page):
    assert unknown_commands(text_of(page)) == []


def test_the_examples_of_python_blocks_give_what_is_printed(page):
    for number, (language, body) in enumerate(FENCE.findall(text_of(page))):
        if language == "python":
            name = f"{page.name}, block {number}"
            example = doctest.DocTestParser().get_doctest(body, {}, name, str(page), 0)
            assert not doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example).failed
            compile(body if ">>>" not in body else "", name, "exec")


def test_a_page_with_faults_is_found_out(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Top\n[a](page.md#top) [b](missing.md) [c](#nowhere) `repro fly` `repro run x --fast` `make tea`")
    assert broken_links(page) == ["missing.md", "#nowhere"]
    assert unknown_commands(text_of(page)) == ["repro fly", "repro run x --fast", "make tea"]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_named_in_the_documentation(verb):
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    assert any(re.search(rf"`repro {verb}\b|^repro {verb}\b", text_of(page), re.MULTILINE) for page in pages)


@pytest.mark.parametrize("target", sorted(TARGETS - {"default"}))
def test_every_make_target_is_named_in_contributing(target):
    assert f"`make {target}`" in text_of(ROOT / "CONTRIBUTING.md")
