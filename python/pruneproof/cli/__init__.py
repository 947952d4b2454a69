"""`repro`: one file per verb. Nothing here imports torch before a verb needs it."""

import io
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from pruneproof.cli.output import OutputGone, leave_to_others, open_standard_streams, tell
from pruneproof.errors import PruneproofError
from pruneproof.values.visible import one_line

COMMANDS = ("repro", "pruneproof")
"""The names under which the one command is installed."""
USAGE = 64
INTERNAL = 70
NOT_WRITTEN = 74
INTERRUPTED = 130
READER_GONE = 141
"""As the shell says of a program that SIGPIPE ended."""


def main() -> None:
    """Run `repro`; bad input ends in one message and an exit status, never in a traceback."""
    open_standard_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # for terminals that cannot show every character
    name = Path(sys.argv[0]).stem
    status = execute(sys.argv[1:], name if name in COMMANDS else COMMANDS[0])
    leave_to_others()
    sys.exit(status)


def execute(arguments: list[str], name: str = COMMANDS[0]) -> int:
    """Run one command line of the command `name` and return its exit status (see `docs/exit-status.md`)."""
    if not _has_folder():  # torch's mathematics library would end the process, with status 2
        return _refuse("the current folder has been deleted. Change into one that exists, and run it again.", USAGE)
    import typer

    from pruneproof.cli.app import app

    # Typer may carry its own copy of click; the base class of its usage errors is public in neither.
    usage_error: Any = typer.BadParameter.__mro__[1]
    try:
        status = app(args=arguments, prog_name=name, standalone_mode=False)
        sys.stdout.flush()
    except PruneproofError as problem:
        return _refuse(str(problem), problem.status)
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    except OutputGone as problem:
        return _gone(problem)
    except BrokenPipeError as problem:
        return _gone(OutputGone(problem))
    except usage_error as problem:
        with suppress(OSError):
            print(_usage(problem), file=sys.stderr)
        return USAGE
    except (Exception, SystemExit) as problem:
        if _completes(name) and isinstance(problem, SystemExit):  # words for a shell were printed
            return problem.code if isinstance(problem.code, int) else 0
        if isinstance(problem.__context__, BrokenPipeError):  # rich ends the process when the reader has gone
            return _gone(OutputGone(problem.__context__))
        from pruneproof.registry.blame import unforeseen

        return _refuse(unforeseen(problem), INTERNAL)
    if status == INTERRUPTED:
        return _refuse("interrupted. What was finished is kept; run the same command again to go on.", INTERRUPTED)
    return status if isinstance(status, int) else 0


def _has_folder() -> bool:
    try:
        return bool(Path.cwd())
    except FileNotFoundError:
        return False


def _completes(name: str) -> bool:
    """Say whether a shell asked what may come next on its command line."""
    return f"_{name.upper()}_COMPLETE" in os.environ


def _usage(problem: Any) -> str:
    """Return what is wrong with a command line, under the lines that say how it is written."""
    shown = io.StringIO()
    problem.show(shown)
    head = shown.getvalue().split(problem.format_message())[0]
    return head + one_line(problem.format_message())


def _refuse(message: str, status: int) -> int:
    with suppress(OSError):  # nobody reads standard error either
        tell(f"repro: {message}")
    return status


def _gone(problem: OutputGone) -> int:
    """Return the status after what was to be printed could not be, without another word where nobody listens."""
    with suppress(OSError, ValueError, AttributeError):  # what is still buffered goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return READER_GONE if problem.is_closed else _refuse(f"standard output cannot be written: {problem}.", NOT_WRITTEN)
