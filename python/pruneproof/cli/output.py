"""Standard output belongs to the verbs: what plugins and libraries print while one runs goes to standard error."""

import ctypes
import errno
import io
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from typing import IO, TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from pruneproof.values.visible import one_line, visible

if TYPE_CHECKING:
    from rich.console import Console

P = ParamSpec("P")
R = TypeVar("R")
STDOUT, STDERR = 1, 2


class OutputGone(Exception):
    """Nobody reads our output any more, or it cannot be written."""

    def __init__(self, problem: OSError | ValueError) -> None:
        number = getattr(problem, "errno", None)
        self.is_closed = number in (None, errno.EPIPE, errno.EBADF)
        """Whether its reader has gone (`head`, `less`) or never was (`>&-`); otherwise a full disk or the like."""
        super().__init__(os.strerror(number) if number else str(problem))


class Output:
    """A text stream whose refusals are told from those of other files."""

    def __init__(self, stream: IO[str] | None) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write text to the stream."""
        try:
            if self.stream is None:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            return self.stream.write(text)
        except (OSError, ValueError) as problem:
            raise OutputGone(problem) from problem

    def flush(self) -> None:
        """Write what is buffered."""
        try:
            if self.stream is not None:
                self.stream.flush()
        except (OSError, ValueError) as problem:
            raise OutputGone(problem) from problem

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


_verbs: Output | None = None
"""Where the verb that runs writes to."""


def say(*values: object, sep: str = " ", end: str = "\n") -> None:
    """Print to standard output, what a terminal would obey made visible."""
    text = sep.join(visible(str(value)) for value in values)
    print(text, end=end, file=cast("IO[str]", _verbs or sys.stdout), flush=True)


def tell(message: str) -> None:
    """Print a message about the work to standard error, as one line."""
    print(one_line(message), file=sys.stderr, flush=True)


def say_indented(text: str) -> None:
    """Print a text four columns in, wrapped where the terminal ends."""
    width = max(shutil.get_terminal_size().columns, 40)
    say(textwrap.fill(text, width, initial_indent="    ", subsequent_indent="      ", break_on_hyphens=False))


def console(**options: Any) -> "Console":
    """Return a console on standard output, on which texts are no markup and hide nothing."""
    from rich.console import Console
    from rich.segment import Segment

    class Visible(Console):
        def render(self, *given: Any, **more: Any) -> Iterator[Segment]:
            for segment in super().render(*given, **more):
                yield segment if segment.control else Segment(visible(segment.text), segment.style)

    plain = {"markup": False, "emoji": False}
    return Visible(file=cast("IO[str]", _verbs or sys.stdout), **plain | options)


def owns_stdout(verb: Callable[P, R]) -> Callable[P, R]:
    """Return a verb during which `say` and `console` alone write to standard output."""

    @wraps(verb)
    def run(*given: P.args, **options: P.kwargs) -> R:
        with _owned():
            return verb(*given, **options)

    return run


@contextmanager
def _owned() -> Iterator[None]:
    global _verbs
    before, stream = _verbs, sys.stdout
    with _descriptor_to_stderr(stream) as own:
        _verbs, sys.stdout = Output(own), sys.stderr
        try:
            yield
            _verbs.flush()
        finally:
            _verbs, sys.stdout = before, stream


@contextmanager
def _descriptor_to_stderr(stream: IO[str] | None) -> Iterator[IO[str] | None]:
    """Lead file descriptor 1 to standard error, for native libraries, and yield a stream to where it led before."""
    try:
        stream_has_it = stream is not None and stream.fileno() == STDOUT
        if stream is not None:
            stream.flush()
        kept = os.dup(STDOUT)
        os.dup2(STDERR, STDOUT)
    except (OSError, ValueError, AttributeError):  # closed, or replaced by what has no descriptor
        yield stream
        return
    own = stream
    if stream_has_it and isinstance(stream, io.TextIOWrapper):
        own = open(kept, "w", encoding=stream.encoding, errors=stream.errors, closefd=False)  # noqa: SIM115
    try:
        yield own
    finally:
        with suppress(OSError, ValueError):
            if own is not None and own is not stream:
                own.close()
        _flush_native()
        os.dup2(kept, STDOUT)
        os.close(kept)


def _flush_native() -> None:
    """Let what C code has buffered for descriptor 1 out while that leads to standard error."""
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).fflush(None)


def open_standard_streams() -> None:
    """See to it that no file of ours gets the number of a standard stream that is closed."""
    for number, flags in ((0, os.O_RDONLY), (STDOUT, os.O_WRONLY), (STDERR, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, flags)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
    if sys.stdout is None:
        sys.stdout = cast("Any", Output(None))
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 -- for the rest of the process


def leave_to_others() -> None:
    """Lead standard output to standard error for the rest of the process: nothing that is printed now is ours."""
    with suppress(OSError, ValueError, OutputGone):
        sys.stdout.flush()
    with suppress(OSError):
        os.dup2(STDERR, STDOUT)
    sys.stdout = sys.stderr
