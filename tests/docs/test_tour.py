"""docs/tour.md against the tree: paths exist; layers, kinds of stages and kinds of plugins are those of the code."""

import inspect
import re
import textwrap
import tomllib
from pathlib import Path

import pytest

import pruneproof
from pruneproof import builtin
from pruneproof.pipeline.kinds.table import KINDS as STAGES
from pruneproof.registry.kinds import KINDS

ROOT = Path(__file__).parents[2]
PACKAGE = Path(pruneproof.__file__).parent
PAGE = (ROOT / "docs" / "tour.md").read_text(encoding="utf-8")
PATHS = sorted({path for path in re.findall(r"`([\w./-]+)`", PAGE) if path.endswith((".py", ".pyi", ".rs", "/"))})


def layers():
    """Return the layers of pyproject.toml as the page writes them: one a line, long ones wrapped."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    [found] = [each["layers"] for each in contracts if each["type"] == "layers"]
    whole = (layer.replace("| ", "|\N{NO-BREAK SPACE}") for layer in found)
    lines = (textwrap.fill(layer, 100, subsequent_indent="  ") for layer in whole)
    return "\n".join(lines).replace("\N{NO-BREAK SPACE}", " ") + "\n"


def kinds():
    """Return the rows of the page's table of kinds: noun, class and where it is, folder of the built-in ones."""
    rows = []
    for kind in KINDS:
        contract = Path(inspect.getfile(kind.of)).relative_to(PACKAGE).as_posix()
        rows.append(f"| {kind.noun} | `{kind.of.__name__}`, `{contract}` | {folder_of(kind) or 'none built in'} |\n")
    return "".join(rows)


def folder_of(kind):
    """Return the folder from which the built-in plugin takes its values of a kind."""
    hook = getattr(builtin, kind.hook, None)
    found = re.search(r"from pruneproof\.(\w+)\.", inspect.getsource(hook)) if hook is not None else None
    return found and f"`{found[1]}/`"


@pytest.mark.parametrize("path", PATHS)
def test_a_path_that_the_page_names_exists(path):
    assert (PACKAGE / path).exists() or (ROOT / path).exists()


def test_the_layers_are_those_of_the_import_linter():
    assert PAGE.split("## Layers")[1].split("```")[1] == f"text\n{layers()}", f"write:\n\n{layers()}"


def test_every_kind_of_stage_is_listed_in_order():
    table = PAGE.split("| stage | does | with |")[1].split("\n\n")[0]
    assert re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE) == list(STAGES)
    assert all((PACKAGE / "pipeline" / "kinds" / f"{stage}.py").is_file() for stage in STAGES)


def test_every_kind_of_plugin_is_listed_with_its_class_and_folder():
    table = PAGE.split("| kind | class | folder |\n|---|---|---|\n")[1].split("\n\n")[0] + "\n"
    assert table == kinds(), f"write:\n\n{kinds()}"


def test_every_folder_of_the_package_is_told():
    folders = {f"{path.name}/" for path in PACKAGE.iterdir() if path.is_dir() and not path.name.startswith("_")}
    assert folders <= set(PATHS)
