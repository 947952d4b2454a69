"""What registers through hooks imports the public api and its own folder alone, the engine's module included."""

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
FOLDERS = sorted(
    module.removeprefix("pruneproof.")
    for contract in CONTRACTS
    if "public api" in contract["name"]
    for module in contract["source_modules"]
)
BUILT_IN = [path for name in FOLDERS for path in sorted((ROOT / "python/pruneproof" / name).rglob("*.py"))]
PLUGINS = sorted((ROOT / "plugins").glob("*/src/**/*.py"))


def imported(source):
    """Return the modules of `pruneproof` that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            of_package = node.module == "pruneproof"
            found |= {f"pruneproof.{alias.name}" for alias in node.names} if of_package else {node.module}
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            found |= {each.value for each in node.args if isinstance(each, ast.Constant)}
    return {name for name in found if name.split(".")[0] == "pruneproof"}


def foreign(source, *allowed):
    return {
        name for name in imported(source) if not any(name == each or name.startswith(f"{each}.") for each in allowed)
    }


def test_the_folders_are_those_that_the_built_in_plugin_takes_from():
    source = (ROOT / "python/pruneproof/builtin.py").read_text()
    taken = {name.split(".")[1] for name in imported(source)} - {"api", "registry"}
    assert taken <= set(FOLDERS)
    assert all((ROOT / "python/pruneproof" / name).is_dir() for name in FOLDERS)


@pytest.mark.parametrize("path", BUILT_IN, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_is_built_in_imports_the_api_and_its_own_folder(path):
    folder = path.relative_to(ROOT / "python/pruneproof").parts[0]
    assert foreign(path.read_text(), "pruneproof.api", f"pruneproof.{folder}") == set()


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: f"{path.parts[-2]}/{path.name}")
def test_our_plugins_import_the_api_and_the_testing_kit(path):
    assert foreign(path.read_text(), "pruneproof.api", "pruneproof.testing") == set()


@pytest.mark.parametrize(
    "line",
    [
        "import pruneproof._engine",
        "from pruneproof import _engine",
        "from pruneproof._engine import select",
        "def late():\n    from pruneproof.selection.select import select_masks",
        "from pruneproof.apify import x",
        "import importlib\nimportlib.import_module('pruneproof.values.masks')",
    ],
)
def test_an_import_of_anything_else_is_seen(line):
    assert foreign(line, "pruneproof.api", "pruneproof.floors")


def test_the_api_and_what_is_no_part_of_the_package_are_allowed():
    source = (
        "import numpy\nfrom pruneproof.api import Floor\nfrom pruneproof.floors.count import COUNT\nimport torch.nn"
    )
    assert foreign(source, "pruneproof.api", "pruneproof.floors") == set()
