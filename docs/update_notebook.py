"""Execute docs/take-home.ipynb cell by cell and write its outputs into it: `make readme`."""

import ast
import contextlib
import io
import json
import os
import tempfile
from pathlib import Path
from typing import Any

PATH = Path(__file__).parent / "take-home.ipynb"


def executed(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return a notebook with the outputs of its code cells: what they print, and the value of a last expression.

    The cells share their names, as in a kernel, and run in an empty folder.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            cells = [_executed(cell, names) for cell in notebook["cells"]]
        finally:
            os.chdir(before)
    return {**notebook, "cells": cells}


def _executed(cell: dict[str, Any], names: dict[str, Any]) -> dict[str, Any]:
    if cell["cell_type"] != "code":
        return cell
    tree = ast.parse("".join(cell["source"]))
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        exec(compile(tree, "<cell>", "exec"), names)
        value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names) if last else None
    outputs: list[dict[str, Any]] = []
    if out.getvalue():
        outputs.append({"name": "stdout", "output_type": "stream", "text": out.getvalue().splitlines(keepends=True)})
    if value is not None:
        html = value._repr_html_() if hasattr(value, "_repr_html_") else None
        data = {"text/plain": repr(value).splitlines(keepends=True)} | ({"text/html": [html]} if html else {})
        outputs.append({"data": data, "execution_count": None, "metadata": {}, "output_type": "execute_result"})
    return {**cell, "outputs": outputs, "execution_count": None}


def text_of(notebook: dict[str, Any]) -> str:
    """Return a notebook as the text of its file."""
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    PATH.write_text(text_of(executed(json.loads(PATH.read_text(encoding="utf-8")))), encoding="utf-8")
