"""What pruneproof's registry sees."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pluggy

from pruneproof.registry.hookspecs import hookspecs

ROOT = Path(__file__).parents[1]


def test_the_entry_point_names_a_module_whose_hooks_all_exist():
    entries = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    manager = pluggy.PluginManager("pruneproof")
    manager.add_hookspecs(hookspecs())
    manager.register(__import__(entries["pruneproof"]["zoo"], fromlist=["_"]))
    manager.check_pending()
    assert len(manager.hook.pruneproof_criteria()[0]) == 13


def test_the_module_is_imported_without_torch():
    code = "import sys, pruneproof_zoo.plugin; raise SystemExit('torch' in sys.modules)"
    subprocess.run(
        [sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
