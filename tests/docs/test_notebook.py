"""docs/take-home.ipynb runs, and shows what it gives."""

import importlib.util
import json
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_notebook_runs_and_its_outputs_are_those_that_it_shows(folders):
    spec = importlib.util.spec_from_file_location("update_notebook", ROOT / "docs" / "update_notebook.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    text = tool.PATH.read_text(encoding="utf-8")
    cells = json.loads(text)["cells"]
    assert sum(bool(cell.get("outputs")) for cell in cells) >= 5
    assert tool.text_of(tool.executed(json.loads(text))) == text, "run `make readme`"
