"""Progress of a run: bars in terminals and notebooks, a line a minute elsewhere, with an estimate of the time left."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from pruneproof.api import Event
from pruneproof.pipeline.plan import Plan, Stage

MINUTE = 60.0


@contextmanager
def progress_of(plan: Plan, todo: tuple[str, ...], *, quiet: bool) -> Iterator[Callable[[Event], None]]:
    """Show on stderr how far a run is, and yield the listener that hears of its stages.

    Where nothing can be drawn over, in files, pipes and notebooks without `ipywidgets`, a line appears once a minute.
    The time left is estimated from the time that each kind of network has taken per epoch so far.
    """
    console = Console(stderr=True)
    tally = Tally(plan, todo)
    if quiet or not todo:
        yield lambda event: None
    elif console.is_terminal or (console.is_jupyter and find_spec("ipywidgets") is not None):
        columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TextColumn("{task.fields[text]}"))
        with Progress(*columns, console=console, transient=True) as bars:
            yield _Bars(tally, bars)
    else:
        yield _Lines(tally)


class Tally:
    """What of a plan is done: stages, seeds, epochs, and about how long the rest takes."""

    def __init__(self, plan: Plan, todo: tuple[str, ...]) -> None:
        self.plan = plan
        self.work = {digest: max(plan.stages[digest].epochs, 1) for digest in todo}
        self.done = dict.fromkeys(todo, 0.0)
        self.seeds = {digest: plan.stages[digest].inputs.get("seed") for digest in todo}
        self.finished: set[str] = set()
        self.under_way: set[str] = set()
        self.pace = _Pace()

    def __call__(self, event: Event) -> None:
        """Count an event."""
        digest = event.digest
        if event.kind == "start":
            self.under_way.add(digest)
            self.pace.start(digest)
        elif event.kind == "progress":
            self.done[digest] = self.work[digest] * event.done / max(event.total, 1)
        else:
            self.done[digest] = self.work[digest]
            self.finished.add(digest)
            self.under_way.discard(digest)
            self.pace.finish(digest, _kind_of_work(self.plan.stages[digest]), self.work[digest])

    @property
    def words(self) -> str:
        """How far the run is, `3/12 stages, 0/2 seeds, about 1:20 left`."""
        seeds = {seed for seed in self.seeds.values() if seed is not None}
        open_ = {seed for digest, seed in self.seeds.items() if digest not in self.finished and seed is not None}
        parts = [f"{len(self.finished)}/{len(self.work)} stages", f"{len(seeds - open_)}/{len(seeds)} seeds"]
        left = [
            (_kind_of_work(self.plan.stages[digest]), self.work[digest] - self.done[digest]) for digest in self.work
        ]
        seconds = self.pace.seconds(left) / max(len(self.under_way), 1)
        if self.finished:
            parts.append(f"about {seconds // 60:.0f}:{seconds % 60:02.0f} left")
        return ", ".join(parts)


class _Bars:
    """A bar for all stages, and one for each that is under way."""

    def __init__(self, tally: Tally, bars: Progress) -> None:
        self.tally, self.bars = tally, bars
        self.tasks: dict[str, TaskID] = {}
        self.whole = bars.add_task("all stages", total=sum(tally.work.values()), text="")

    def __call__(self, event: Event) -> None:
        self.tally(event)
        stage = self.tally.plan.stages[event.digest]
        if event.kind == "start":
            self.tasks[event.digest] = self.bars.add_task(stage.label, total=None, text="")
        elif event.kind == "progress":
            text = f"{'epoch' if stage.kind == 'train' else 'step'} {event.done}/{event.total}"
            self.bars.update(self.tasks[event.digest], completed=event.done, total=event.total, text=text)
        else:
            self.bars.remove_task(self.tasks.pop(event.digest))
        self.bars.update(self.whole, completed=sum(self.tally.done.values()), text=self.tally.words)


class _Lines:
    """A line a minute."""

    def __init__(self, tally: Tally) -> None:
        self.tally, self.said = tally, time.monotonic()

    def __call__(self, event: Event) -> None:
        self.tally(event)
        if time.monotonic() - self.said >= MINUTE:
            self.said = time.monotonic()
            print(self.tally.words, file=sys.stderr, flush=True)


class _Pace:
    """Seconds per epoch of each kind of work, from what has finished; an unseen kind is taken for an average one."""

    def __init__(self) -> None:
        self.started: dict[str, float] = {}
        self.spent: dict[str, tuple[float, float]] = {}

    def start(self, digest: str) -> None:
        self.started[digest] = time.monotonic()

    def finish(self, digest: str, kind: str, epochs: float) -> None:
        seconds, so_far = self.spent.get(kind, (0.0, 0.0))
        self.spent[kind] = seconds + time.monotonic() - self.started.pop(digest), so_far + epochs

    def seconds(self, left: Iterable[tuple[str, float]]) -> float:
        rates = {kind: seconds / epochs for kind, (seconds, epochs) in self.spent.items()}
        average = sum(rates.values()) / max(len(rates), 1)
        return sum(epochs * rates.get(kind, average) for kind, epochs in left)


def _kind_of_work(stage: Stage) -> str:
    """Return what sets the cost of an epoch: the kind of stage, the model and the data."""
    inputs = stage.inputs
    return f"{stage.kind} {inputs['model']['id']} {inputs['data']['id']}" if "model" in inputs else stage.kind
