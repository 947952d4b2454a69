"""`repro`: one file per verb. Nothing here imports torch before a verb needs it."""

import io
import os
import sys
from typing import Any

from pruneproof.errors import PruneproofError

USAGE = 64
INTERRUPTED = 130


def main() -> None:
    """Run `repro`; bad input ends in one message and an exit status, never in a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # for terminals that cannot show every character
    sys.exit(execute(sys.argv[1:]))


def execute(arguments: list[str]) -> int:
    """Run one command line and return its exit status (see `docs/exit-status.md`)."""
    import typer

    from pruneproof.cli.app import app

    # Typer may carry its own copy of click; the base class of its usage errors is public in neither.
    usage_error: Any = typer.BadParameter.__mro__[1]
    try:
        status = app(args=arguments, prog_name="repro", standalone_mode=False)
        sys.stdout.flush()
    except PruneproofError as problem:
        print(f"repro: {problem}", file=sys.stderr)
        return problem.status
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    except (BrokenPipeError, SystemExit):  # the reader of our output (head, less) has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except usage_error as problem:
        problem.show()
        return USAGE
    if status == INTERRUPTED:
        print("repro: interrupted. What was finished is kept; run the same command again to go on.", file=sys.stderr)
    return status if isinstance(status, int) else 0
