"""What pruneproof's registry sees."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pluggy

from pruneproof.registry.hookspecs import hookspecs
from pruneproof_wanda import SPARSEGPT, WANDA

ROOT = Path(__file__).parents[1]


def test_the_entry_point_names_a_module_whose_hooks_all_exist_and_bring_the_criteria():
    entries = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    manager = pluggy.PluginManager("pruneproof")
    manager.add_hookspecs(hookspecs())
    module = entries["pruneproof"]["wanda"]
    manager.register(__import__(module, fromlist=["_"]))
    manager.check_pending()
    assert manager.hook.pruneproof_criteria() == [[WANDA, SPARSEGPT]]


def test_the_registry_reads_the_plugin_without_torch():
    code = "import sys, pruneproof_wanda.plugin; raise SystemExit('torch' in sys.modules)"
    subprocess.run(
        [sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
