"""`repro`: one file per verb. Nothing here imports torch before a verb needs it."""

import sys

from pruneproof.errors import PruneproofError

USAGE = 64
INTERRUPTED = 130


def main() -> None:
    """Run `repro`; bad input ends in one message and an exit status, never in a traceback."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit status (see `docs/exit-status.md`)."""
    import click

    from pruneproof.cli.app import app

    try:
        status = app(args=arguments, prog_name="repro", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except PruneproofError as problem:
        print(f"repro: {problem}", file=sys.stderr)
        return problem.status
    except click.ClickException as problem:
        problem.show()
        return USAGE
    except (KeyboardInterrupt, click.Abort):
        print("repro: interrupted. What was finished is kept; run the same command again to go on.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output (head, less) has gone
        sys.stderr.close()
        return 0
