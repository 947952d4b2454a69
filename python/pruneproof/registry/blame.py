"""Whose fault it is when code of others raises, and where its traceback is kept."""

import os
import sys
import tempfile
import traceback
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from pruneproof.errors import BadPlugin, PruneproofError
from pruneproof.registry.manager import Plugin, installed
from pruneproof.registry.plugin_file import PREFIX
from pruneproof.values.digests import digest_bytes, digest_file
from pruneproof.values.files import replacing


@dataclass(frozen=True)
class Frame:
    """A line of a plugin's code that was running when something was raised."""

    plugin: Plugin
    file: str
    line: int

    def __str__(self) -> str:
        return (
            f'plugin "{self.plugin.name}" ({self.file}:{self.line}, {self.plugin.distribution} {self.plugin.version})'
        )


def said(problem: BaseException) -> str:
    """Return what was raised as one line: its class and its message.

    >>> said(ValueError("no good")), said(KeyError("fc9"))
    ('ValueError: no good', "KeyError: 'fc9'")
    """
    text = " ".join(str(problem).split())
    return f"{type(problem).__name__}: {text}" if text else type(problem).__name__


def kept_traceback(problem: BaseException) -> str:
    """Write the traceback of what was raised into a file, and return a sentence that names it."""
    text = "".join(traceback.format_exception(problem)).encode("utf-8", "replace")
    for place in (_cache, tempfile.gettempdir):
        try:
            path = Path(place()).expanduser() / f"pruneproof-traceback-{digest_bytes(text)[:12]}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as draft:
                draft.write_bytes(text)
        except (OSError, RuntimeError, ValueError):  # no room, or no home folder is known
            continue
        return f"The traceback is in {path}."
    return "There is no room for a file with the traceback."


def _cache() -> Path:
    return Path(os.environ.get("PRUNEPROOF_CACHE") or user_cache_path("pruneproof")) / "tracebacks"


def culprit(problem: BaseException) -> Frame | None:
    """Return the innermost line of a plugin's code that led to what was raised; `builtin` is none."""
    strangers = [*(plugin for plugin in installed().values() if plugin.name != "builtin"), *_single_files()]
    for frame, line in reversed(list(traceback.walk_tb(problem.__traceback__))):
        file = frame.f_code.co_filename
        for plugin in strangers:
            if any(file == place or file.startswith(f"{place}/") for place in _places(plugin)):
                return Frame(plugin, file, line)
    return None


@contextmanager
def blamed(label: str) -> Iterator[None]:
    """Turn what a registered rule raises by mistake into one message that names it and the line of its plugin.

    Raises:
        BadPlugin: something was raised that is no refusal of ours, and memory did not run out.
    """
    try:
        yield
    except (PruneproofError, MemoryError):
        raise
    except (Exception, SystemExit) as problem:
        frame = culprit(problem)
        where = "" if frame is None else f" of {frame}"
        raise BadPlugin(
            f"{label}{where} raised {said(problem)}. Repair it there. {kept_traceback(problem)}"
        ) from problem


def in_network(problem: BaseException) -> bool:
    """Say whether a network's layers were at work when something was raised."""
    frames = traceback.extract_tb(problem.__traceback__)
    return any(each.name == "_call_impl" and "torch" in each.filename for each in frames)


def unforeseen(problem: BaseException) -> str:
    """Return one sentence on what was raised where nothing was expected, and where its traceback is."""
    found = culprit(problem)
    whose = "the command" if found is None else str(found)
    advice = "Report it with the traceback." if found is None else "Repair or uninstall it."
    return f"{whose} raised {said(problem)}. {advice} {kept_traceback(problem)}"


def _places(plugin: Plugin) -> Collection[str]:
    """Return the folders of a plugin's package, or its only file."""
    if plugin.is_file:
        return (plugin.target,)
    top = sys.modules.get(plugin.target.partition(":")[0].partition(".")[0])
    folders = getattr(top, "__path__", None)
    return tuple(folders) if folders else tuple(filter(None, [getattr(top, "__file__", None)]))


def _single_files() -> list[Plugin]:
    files = [Path(str(module.__file__)) for name, module in list(sys.modules.items()) if name.startswith(PREFIX)]
    there = [file for file in files if file.is_file()]  # one may have been deleted since it was loaded
    return [Plugin(file.stem, file.name, digest_file(file)[:16], str(file)) for file in there]
