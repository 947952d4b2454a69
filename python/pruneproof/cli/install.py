"""`repro install NAME|PATH`: a plugin's package into the environment that `repro` runs in."""

import importlib
import subprocess
import sys
from importlib.util import find_spec
from typing import Annotated

import typer

from pruneproof.cli.options import JsonOption, print_json, to_path
from pruneproof.cli.output import say
from pruneproof.errors import BadOption, BadPlugin


def install(
    package: Annotated[str, typer.Argument(metavar="NAME|PATH", help="A package on the index, a folder or a wheel.")],
    editable: Annotated[
        bool, typer.Option("--editable", "-e", help="Read the folder's files where they lie from now on.")
    ] = False,
    json: JsonOption = False,
) -> int:
    """Install a plugin with pip into the environment that `repro` runs in, and show what it registers.

    Exit status: 0 it can be used, 69 pip failed or the plugin is broken.
    """
    from pruneproof.registry.manager import installed

    if package.startswith("-"):
        raise BadOption(f"{package} is an option, not a package. Give a folder, a wheel, or a package's name.")
    where = to_path(package)
    is_path = where.exists()
    if not is_path and ("/" in package or package.endswith(".whl")):
        raise BadOption(f"{package} does not exist. Give a folder with a pyproject.toml, a wheel, or a package's name.")
    if is_path and not where.is_dir() and not where.is_file():
        raise BadOption(f"{package} is a pipe or a device. Give a folder, a wheel, or a package's name.")
    if is_path and where.is_dir() and not (where / "pyproject.toml").is_file():
        raise BadOption(f"{package} has no pyproject.toml, so it is no package. `repro new` writes one.")
    before = installed()
    _pip(str(where.resolve()) if is_path else package, editable=editable)
    importlib.invalidate_caches()
    changed = [plugin for name, plugin in installed().items() if before.get(name) != plugin]
    return _show(package, [plugin.name for plugin in changed], json=json)


def _pip(target: str, *, editable: bool) -> None:
    if find_spec("pip") is None:
        raise BadPlugin(
            f"this environment ({sys.prefix}) has no pip. Add it with: {sys.executable} -m ensurepip; or install "
            f"{target} with the tool that manages the environment."
        )
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--upgrade"]
    done = subprocess.run(
        [*command, *(["--editable"] if editable else []), target], capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        reasons = [line.strip() for line in lines if line.lstrip().lower().startswith("error")] or lines[-1:]
        reason = "; ".join(reasons) or "it gave no reason"
        raise BadPlugin(
            f"pip could not install {target} (exit status {done.returncode}): {reason}. "
            f"Run {' '.join([*command[:4], target])} to see all that it says."
        )


def _show(package: str, names: list[str], *, json: bool) -> int:
    """Show in a fresh process, since this one may hold modules of an older version."""
    code = "from pruneproof.cli import main; main()"
    said = subprocess.run(
        [sys.executable, "-c", code, "plugins", *names, *(["--json"] if json else [])],
        capture_output=True,
        text=True,
        check=False,
    )
    if not names:
        note = f"{package} is installed. It brought no new plugin: it was there already, or has no entry point."
        if json:
            print_json([])
        else:
            say(f"{note} `repro plugins` lists all.")
        return 0
    say(said.stdout, end="")
    print(said.stderr, end="", file=sys.stderr)
    return said.returncode
