"""Measure training against the barest loop over the same batches, and what a run does beside training.

    python benches/training.py              about three minutes
    python benches/training.py --record     write benches/records/training-<machine>-<date>.json as well

Both loops must end with the same weights before they are timed. docs/benchmarks.md says what each row is.
"""

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from statistics import mean, median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

import torch
from loops import barest, ours, passes, samples_of
from networks import NETWORKS, Network, catalog, load
from passes import beside, fastest
from publish import RECORDS, publish

from pruneproof.contracts.numerics import NATIVE
from pruneproof.pipeline.kinds.table import KINDS
from pruneproof.pipeline.network import Network as StageNetwork
from pruneproof.pipeline.prepare import Request, prepare
from pruneproof.pipeline.store import Store
from pruneproof.pipeline.watching import WatchedMetrics
from pruneproof.pipeline.worker import Task, Worker
from pruneproof.pipeline.worker_spec import WorkerSpec, prepare_torch
from pruneproof.training.checkpoint import pack_optimizer, save_progress
from pruneproof.training.evaluate import evaluate
from pruneproof.training.masker import Masker
from pruneproof.training.row import Row as ParameterRow
from pruneproof.training.train import make_optimizer

Row = dict[str, Any]
PAPER, PROFILE, SEED = "global-mp", "mini", 20
SLICE = ("mlp/global", "mlp/snip")
FINISHED_SECONDS = 5.0


def loop(network: Network, *, masked: bool) -> Row:
    """Time our training by turns with the barest loop; the two passes alone by turns with it too."""
    masks, samples = network.masks() if masked else None, samples_of(network)
    modules = [network.made()[0] for _ in range(3)]
    for module in modules:
        if masks is not None:
            masks.apply_(module)
    runs: dict[str, Callable[[], object]] = {
        "barest": lambda: barest(network, modules[0], masks, samples),
        "ours": lambda: ours(network, modules[1], masks),
        "passes": lambda: passes(network, modules[2], samples),
    }
    runs["barest"]()
    runs["ours"]()
    states = zip(modules[0].state_dict().values(), modules[1].state_dict().values(), strict=True)
    assert all(torch.equal(bare, own) for bare, own in states), network.name
    yardstick = {"barest": runs.pop("barest")}
    readings, times, found = beside(yardstick, runs, seconds=1, rounds=7, clock=time.process_time)
    steps = network.epochs * -(-load(network.data).size("train") // network.batch)
    ratio = median(found["ours"])
    target = network.target if masked else None
    return {
        "network": network.name,
        "batch": network.batch,
        "steps_per_second": steps / median(times["ours"]),
        "barest_steps_per_second": steps / readings["barest"],
        "passes_per_second": steps / median(times["passes"]),
        "ratio": ratio,
        "quartiles": quantiles(found["ours"], n=4)[::2],
        "passes_ratio": ratio / median(found["passes"]),
        "target": target,
        "met": None if target is None else ratio <= target,
    }


def epoch(network: Network) -> Row:
    """Time what an epoch consists of beside its steps, each by itself, the least of some repeats."""
    masks, data = network.masks(), load(network.data)
    (module, names), (held, _) = network.made(), network.made()
    row = ParameterRow.of(held)
    assert row is not None
    masker = Masker(held, masks, row)
    ours(network, module, masks)
    steps = -(-data.size("train") // network.batch)
    optimizer = make_optimizer(module, network.recipe)
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for parameter in held.parameters():
        parameter.grad = torch.zeros_like(parameter)
    row.gather()

    def hold() -> None:
        for step in range(steps):
            masker.mask_gradients()
            masker.mask_weights()
            masker.watch(step)
        masker.assert_intact()

    with TemporaryDirectory() as folder:
        path = Path(folder) / "epoch.safetensors"
        worker = Worker(catalog(), Store(Path(folder)), Path(folder))
        task = Task({"start": 0, "seed": 0}, {}, Path(folder), lambda done, total: None, worker)
        watch = [{"id": "accuracy", "options": {}, "every": "1ep", "reduce": "last"}]
        watched = WatchedMetrics(task, StageNetwork(module, names, data, masks), watch, steps)
        tensors = {f"model/{name}": each for name, each in module.state_dict().items()} | pack_optimizer(optimizer)
        least = fastest(
            {
                "epoch": lambda: ours(network, module, masks),
                "masks": hold,
                "watching": lambda: watched.epoch(1.0, masks),
                "evaluation": lambda: evaluate(module, data),
                "checkpoint": lambda: save_progress(path, tensors, {}),
            },
            seconds=0.5,
        )
    return {
        "network": network.name,
        "epoch_ms": 1e3 * least.pop("epoch") / network.epochs,
        **{f"{name}_ms": 1e3 * seconds for name, seconds in least.items()},
        "met": None,
    }


def stages(store: Path) -> Iterator[Row]:
    """Run a slice of a paper stage by stage, and time epochs, other work of the stage, and the store."""
    request = Request(PAPER, PROFILE, store, seeds=(SEED,), only=SLICE, device="cpu", numerics=NATIVE.id)
    prepared, own = prepare(request, fetch=False), Store(store)
    own.prepare()
    worker = Worker(prepared.catalog, own, store)
    times: dict[str, list[tuple[float, float, float]]] = {}
    for digest in prepared.todo:
        stage = prepared.plan.stages[digest]
        told: list[float] = []
        began = time.perf_counter()
        with own.claim(digest) as draft:
            assert draft is not None
            upstream = {role: own.expect(each) for role, each in stage.upstream.items()}
            task = Task(stage.inputs, upstream, draft, lambda done, total: told.append(time.perf_counter()), worker)  # noqa: B023
            started = time.perf_counter()
            outputs = KINDS[stage.kind].run(task)
            ended = time.perf_counter()
            own.commit(digest, draft, outputs, {"kind": stage.kind}, ended - started)
        epochs = told[-1] - told[0] if told and stage.kind == "train" else 0.0
        rest = time.perf_counter() - began - (ended - started)
        times.setdefault(stage.kind, []).append((epochs, ended - started - epochs, rest))
    for kind, each in times.items():
        epochs_ms, work_ms, store_ms = (1e3 * mean(part) for part in zip(*each, strict=True))
        yield {
            "kind": kind,
            "stages": len(each),
            "training_ms": epochs_ms,
            "work_ms": work_ms,
            "store_ms": store_ms,
            "met": None,
        }


def processes(store: Path) -> Iterator[Row]:
    """Time the start of a worker, and the slice that `stages` has finished once more."""
    spec = WorkerSpec(("builtin",), store, store)
    start = f"from pathlib import *; from pruneproof.pipeline.worker_spec import WorkerSpec; {spec!r}.open()"
    again = (
        f"from pruneproof.cli import execute; execute({['run', PAPER, '-p', PROFILE, '--seeds', f'{SEED},', '--quiet']}"
        f" + {['--numerics', NATIVE.id, '--device', 'cpu', '--store', str(store)]}"
        f" + {[part for each in SLICE for part in ('--only', each)]})"
    )
    yield _process("a worker starts", start, target=None)
    yield _process("a finished run again", again, target=FINISHED_SECONDS)


def _process(what: str, code: str, target: float | None) -> Row:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    met = None if target is None else worked <= target
    return {"what": what, "seconds": seconds, "processor_seconds": worked, "target": target, "met": met}


def measure(show: Callable[[str, list[Row]], None]) -> dict[str, list[Row]]:
    """Measure everything, and show each table when it is whole."""
    tables: dict[str, list[Row]] = {}

    def add(name: str, rows: Iterable[Row]) -> None:
        tables[name] = list(rows)
        show(name, tables[name])

    add("training", (loop(network, masked=False) for network in NETWORKS))
    add("masked_training", (loop(network, masked=True) for network in NETWORKS))
    add("epochs", map(epoch, NETWORKS))
    with TemporaryDirectory() as folder:
        add("stages", stages(Path(folder)))
        add("processes", processes(Path(folder)))
    return tables


def main() -> None:
    """Print the tables, and write a record where one is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--record", action="store_true", help=f"write {RECORDS.name}/training-<machine>-<date>.json")
    arguments = parser.parse_args()
    prepare_torch(NATIVE)
    publish(measure, threads="one thread", prefix="training-", record=arguments.record)


if __name__ == "__main__":
    main()
