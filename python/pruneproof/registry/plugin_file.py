"""`--plugin file.py`: a plugin that is one file and not installed."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from pruneproof.errors import BadOption
from pruneproof.values.digests import digest_file

PREFIX = "pruneproof_file_"
"""What the names of modules that are single files begin with."""


def check_file(path: Path) -> Path:
    """Return the absolute path of a plugin's file.

    Raises:
        BadOption: it is no Python file that can be read.
    """
    path = path.expanduser().resolve()
    if path.suffix != ".py" or not path.is_file():
        found = "has another ending" if path.is_file() else "is no file" if path.exists() else "does not exist"
        raise BadOption(f"--plugin {path}: a Python file was expected, such as my_score.py; this one {found}.")
    return path


def import_file(path: Path) -> ModuleType:
    """Import a file under a name made of its stem and content, once per content and process.

    Raises:
        Exception: whatever the file raises.
    """
    name = f"{PREFIX}{path.stem}_{digest_file(path)[:12]}"
    if name in sys.modules and sys.modules[name].__file__ == str(path):
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None  # the file is there and ends in .py
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
