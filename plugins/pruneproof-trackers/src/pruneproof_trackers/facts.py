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
    """Return the folder of a tracker: below `PRUNEPROOF_TRACKING_DIR`, or next to the run's report."""
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
    """Return what identifies one measurement of a network of the run."""
    return {
        "run": measured.run,
        "method": measured.method,
        "target_sparsity": measured.sparsity,
        "seed": measured.seed,
        "at": measured.at,
        "stage": measured.digest,
    }


def cell_name(measured: Measured) -> str:
    """Return a path that no other measurement of the run has: run/method/sparsity/seed/step."""
    return f"{measured.run}/{measured.method}/{measured.sparsity:.6g}/seed-{measured.seed}/{measured.at}"


def cell_metrics(measured: Measured) -> dict[str, float]:
    """Return the numbers of a measurement by metric; of a metric per tensor one for each, as `densities/fc1.weight`.

    What has no number (the loss of a diverged network) and what is a list is left out.
    """
    return dict(_numbers(measured.measurement))


def cell_curves(measured: Measured) -> Iterator[tuple[str, int, float]]:
    """Yield name, epoch (from 1) and value of what the last training recorded after each epoch."""
    history = measured.history
    lists = {name: history.get(name, ()) for name in ("loss", "validation")} | dict(history.get("watched", {}))
    for metric, values in lists.items():
        for epoch, value in enumerate(values, start=1):
            for name, number in _numbers({f"{metric}_by_epoch": value}):
                yield name, epoch, number


def _numbers(values: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in values.items():
        if isinstance(value, int | float):
            yield name, float(value)
        elif isinstance(value, Mapping):
            yield from _numbers({f"{name}/{part}": each for part, each in value.items()})
