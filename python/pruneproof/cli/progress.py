"""Progress bars of a run: all stages, epochs left in time, and the stages under way."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from pruneproof.api import Event
from pruneproof.pipeline.plan import Plan, Stage


@contextmanager
def progress_bars(plan: Plan, todo: tuple[str, ...], *, quiet: bool) -> Iterator[Callable[[Event], None]]:
    """Show bars on stderr while stages run, and yield the listener that moves them.

    The time left is estimated from the time that each kind of network has taken per epoch so far.
    """
    if quiet or not todo:
        yield lambda event: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TextColumn("{task.fields[text]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        yield _Listener(plan, todo, bars)


class _Listener:
    def __init__(self, plan: Plan, todo: tuple[str, ...], bars: Progress) -> None:
        self.plan, self.bars = plan, bars
        self.work = {digest: max(plan.stages[digest].epochs, 1) for digest in todo}
        self.done = dict.fromkeys(todo, 0.0)
        self.seeds = {digest: plan.stages[digest].inputs.get("seed") for digest in todo}
        self.finished: set[str] = set()
        self.tasks: dict[str, TaskID] = {}
        self.pace = _Pace()
        self.whole = bars.add_task("all stages", total=sum(self.work.values()), text="")

    def __call__(self, event: Event) -> None:
        digest = event.digest
        stage = self.plan.stages[digest]
        if event.kind == "start":
            self.tasks[digest] = self.bars.add_task(stage.label, total=None, text="")
            self.pace.start(digest)
        elif event.kind == "progress":
            self.done[digest] = self.work[digest] * event.done / max(event.total, 1)
            text = f"{'epoch' if stage.kind == 'train' else 'step'} {event.done}/{event.total}"
            self.bars.update(self.tasks[digest], completed=event.done, total=event.total, text=text)
        else:
            self.done[digest] = self.work[digest]
            self.finished.add(digest)
            self.bars.remove_task(self.tasks.pop(digest))
            self.pace.finish(digest, _kind_of_work(stage), self.work[digest])
        self.bars.update(self.whole, completed=sum(self.done.values()), text=self._summary())

    def _summary(self) -> str:
        seeds = {seed for seed in self.seeds.values() if seed is not None}
        under_way = {seed for digest, seed in self.seeds.items() if digest not in self.finished and seed is not None}
        parts = [f"{len(self.finished)}/{len(self.work)} stages", f"{len(seeds - under_way)}/{len(seeds)} seeds"]
        left = [
            (_kind_of_work(self.plan.stages[digest]), self.work[digest] - self.done[digest]) for digest in self.work
        ]
        seconds = self.pace.seconds(left) / max(len(self.tasks), 1)
        if self.finished:
            parts.append(f"about {seconds // 60:.0f}:{seconds % 60:02.0f} left")
        return ", ".join(parts)


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
