"""Progress bars of a run: all stages, epochs left in time, and the stages under way."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from pruneproof.papers.plan import Plan
from pruneproof.pipeline.executors.local import Event


@contextmanager
def progress_bars(plan: Plan, todo: tuple[str, ...], *, quiet: bool) -> Iterator[Callable[[Event], None]]:
    """Show bars on stderr while stages run, and yield the listener that moves them.

    The time left is estimated from the epochs done and to do.
    """
    if quiet or not todo:
        yield lambda event: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TextColumn("{task.fields[text]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        yield _Listener(plan, todo, bars)


class _Listener:
    def __init__(self, plan: Plan, todo: tuple[str, ...], bars: Progress) -> None:
        self.plan, self.todo, self.bars = plan, todo, bars
        self.work = {digest: max(plan.stages[digest].epochs, 1) for digest in todo}
        self.done: dict[str, float] = {}
        self.finished: set[str] = set()
        self.tasks: dict[str, TaskID] = {}
        self.began = time.monotonic()
        self.whole = bars.add_task("all stages", total=sum(self.work.values()), text="")
        self.seeds = {digest: stage.inputs.get("seed") for digest, stage in plan.stages.items() if digest in self.work}

    def __call__(self, event: Event) -> None:
        digest = event.digest
        if event.kind == "start":
            self.tasks[digest] = self.bars.add_task(self.plan.stages[digest].label, total=None, text="")
        elif event.kind == "progress":
            self.done[digest] = self.work[digest] * event.done / max(event.total, 1)
            unit = "epoch" if self.plan.stages[digest].kind == "train" else "step"
            text = f"{unit} {event.done}/{event.total}"
            self.bars.update(self.tasks[digest], completed=event.done, total=event.total, text=text)
        else:
            self.done[digest] = self.work[digest]
            self.finished.add(digest)
            self.bars.remove_task(self.tasks.pop(digest))
        spent = sum(self.done.values())
        self.bars.update(self.whole, completed=spent, text=self._summary(spent))

    def _summary(self, spent: float) -> str:
        seeds = {seed for seed in self.seeds.values() if seed is not None}
        open_seeds = {seed for digest, seed in self.seeds.items() if digest not in self.finished and seed is not None}
        parts = [f"{len(self.finished)}/{len(self.todo)} stages", f"{len(seeds - open_seeds)}/{len(seeds)} seeds"]
        elapsed = time.monotonic() - self.began
        total = sum(self.work.values())
        if spent > 0.02 * total:
            left = elapsed * (total - spent) / spent
            parts.append(f"{left // 60:.0f}:{left % 60:02.0f} left")
        return ", ".join(parts)
