"""What is tracked, by name: the same facts for every tracker."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pruneproof.api import Measured, RunInfo

FOLDER = "PRUNEPROOF_TRACKING_DIR"
"""Environment variable: the folder of all trackers and all runs; empty or unset for each run's report folder."""


def tracking_folder(tracker: str, run: RunInfo) -> Path:
    """Return the folder of a tracker: below `PRUNEPROOF_TRACKING_DIR`, or beside the run's report."""
    chosen = os.environ.get(FOLDER)
    return (Path(chosen).expanduser().absolute() if chosen else run.folder.absolute()) / tracker


def run_parameters(run: RunInfo) -> dict[str, str]:
    """Return what identifies a run before it starts: paper, profile, plan, device, changes and data."""
    data = {
        stage.inputs["data"]["id"]: stage.inputs["data"]["fingerprint"]
        for stage in run.stages.values()
        if "data" in stage.inputs
    }
    return {
        "paper": run.paper,
        "title": run.title,
        "profile": run.profile,
        "plan": run.plan,
        "device": run.device,
        "stages": str(len(run.stages)),
        **{f"set.{number}": setting for number, setting in enumerate(run.variant, start=1)},
        **{f"data.{name}": fingerprint for name, fingerprint in sorted(data.items())},
    }


def record_parameters(record: Mapping[str, Any]) -> dict[str, str]:
    """Return what only the record knows: plugins, versions, scale and seeds.

    >>> record_parameters({
    ...     "scale": "small",
    ...     "seeds": [0, 1],
    ...     "plugins": [{"name": "builtin", "distribution": "pruneproof", "version": "0.1.0"}],
    ...     "environment": {"python": "3.12.1", "versions": {"torch": "2.9.0"}},
    ... })
    {'scale': 'small', 'seeds': '[0, 1]', 'plugin.builtin': 'pruneproof 0.1.0', 'version.torch': '2.9.0'}
    """
    return {
        "scale": record["scale"],
        "seeds": json.dumps(record["seeds"]),
        **{f"plugin.{each['name']}": f"{each['distribution']} {each['version']}" for each in record["plugins"]},
        **{f"version.{name}": version for name, version in record["environment"].get("versions", {}).items()},
    }


def cell_parameters(measured: Measured) -> dict[str, str | int | float]:
    """Return what identifies one network of the run."""
    return {
        "run": measured.run,
        "method": measured.method,
        "target_sparsity": measured.sparsity,
        "seed": measured.seed,
        "stage": measured.digest,
    }


def cell_name(measured: Measured) -> str:
    """Return a path that no other network of the run has: run/method/sparsity/seed."""
    return f"{measured.run}/{measured.method}/{measured.sparsity:.6g}/seed-{measured.seed}"


def cell_metrics(measured: Measured) -> dict[str, float]:
    """Return what one network measured, without what it did not measure; accuracies in percent, of the test set."""
    made = measured.measurement
    found = {
        "accuracy": made.accuracy,
        "accuracy_best": made.accuracy_best,
        "accuracy_before": made.accuracy_before,
        "loss": made.loss,
        "sparsity": made.sparsity,
        "weights_alive": made.alive,
        "macs_pruned": made.macs_pruned,
        "epochs": made.epochs,
        "diverged": made.diverged,
        "constant_output": made.constant_output,
        "empty_tensors": len(made.empty_tensors),
    }
    return {name: float(value) for name, value in found.items() if value is not None}


def cell_curves(measured: Measured) -> Iterator[tuple[str, int, float]]:
    """Yield name, epoch (from 1) and value of what the last training measured after each epoch."""
    for name in ("accuracy", "loss", "validation"):
        for epoch, value in enumerate(measured.history.get(name) or (), start=1):
            if value is not None:
                yield f"{name}_by_epoch", epoch, float(value)
