"""Runs as MLflow runs in a local SQLite database: one for the whole, and one nested in it for each network."""

import logging
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import quote

from pruneproof.api import Event, Measured, RunInfo

from pruneproof_trackers.facts import (
    cell_curves,
    cell_metrics,
    cell_name,
    cell_parameters,
    record_parameters,
    run_parameters,
    tracking_folder,
)

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # MLflow reads it on import; nothing leaves this machine

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from sqlalchemy.engine import make_url

DATABASE = "mlflow.db"
T = TypeVar("T")


@contextmanager
def track(run: RunInfo) -> Iterator["MlflowSession"]:
    """Write the run into the experiment of its paper; it ends as finished, failed or (interrupted) killed."""
    folder = tracking_folder("mlflow", run)
    client = _client(folder)
    session = MlflowSession(client, _experiment(client, folder / "artifacts" / run.paper, run.paper), run)
    try:
        yield session
    except Exception:
        client.set_terminated(session.whole, "FAILED")
        raise
    except BaseException:
        client.set_terminated(session.whole, "KILLED")
        raise
    client.set_terminated(session.whole)


class MlflowSession:
    """One run: its id is `whole`; those of the networks are its children."""

    def __init__(self, client: MlflowClient, experiment: str, run: RunInfo) -> None:
        self.client, self.experiment = client, experiment
        self.whole: str = client.create_run(experiment, run_name=f"{run.profile} {run.plan[:12]}").info.run_id
        self.finished = 0
        self._log(self.whole, params=run_parameters(run))

    def on_event(self, event: Event) -> None:
        """Count the finished stages."""
        if event.kind == "finish":
            self.finished += 1
            self.client.log_metric(self.whole, "stages_finished", self.finished, step=self.finished)

    def on_measurement(self, measured: Measured) -> None:
        """Write a network as a nested run: what identifies it, its final figures and its curves."""
        tags = {"mlflow.parentRunId": self.whole}
        cell = self.client.create_run(self.experiment, tags=tags, run_name=cell_name(measured)).info.run_id
        figures = [(name, 0, value) for name, value in cell_metrics(measured).items()]
        self._log(cell, params=cell_parameters(measured), metrics=[*figures, *cell_curves(measured)])
        self.client.set_terminated(cell)

    def on_record(self, record: Mapping[str, Any]) -> None:
        """Write the verdicts as tags, and the record as an artifact."""
        verdicts = {f"verdict.{claim['id']}": claim["verdict"] for claim in record["claims"]}
        self._log(self.whole, params=record_parameters(record), tags=verdicts)
        self.client.log_dict(self.whole, dict(record), "record.json")

    def _log(
        self,
        run: str,
        *,
        params: Mapping[str, Any],
        metrics: Iterable[tuple[str, int, float]] = (),
        tags: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        now = time.time_ns() // 1_000_000
        points = [Metric(name, value, now, step) for name, step, value in metrics]
        for some_points in _batches(points, 1000):
            self.client.log_batch(run, metrics=some_points)
        for some_params in _batches([Param(name, str(value)) for name, value in params.items()], 100):
            self.client.log_batch(run, params=some_params)
        for some_tags in _batches([RunTag(name, value) for name, value in tags.items()], 100):
            self.client.log_batch(run, tags=some_tags)


def _batches(entities: list[T], most: int) -> Iterator[list[T]]:
    """Cut a list to what MLflow takes at once."""
    for start in range(0, len(entities), most):
        yield entities[start : start + most]


def _experiment(client: MlflowClient, artifacts: Path, name: str) -> str:
    """Return the id of a paper's experiment, made or restored where that is needed."""
    artifacts.mkdir(parents=True, exist_ok=True)  # what cannot be written is told now, and not after the last stage
    found = client.get_experiment_by_name(name)
    if found is None:
        return str(client.create_experiment(name, artifact_location=artifacts.as_uri()))
    if found.lifecycle_stage == "deleted":  # its runs are there still, and so is its name
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def database_url(path: Path) -> str:
    """Return the URL of a SQLite file, whatever characters its path has.

    Releases of SQLAlchemy differ in whether they decode the path of a URL; where none of two spellings leads to the
    file, SQLite itself is asked to decode it.
    """
    text = path.as_posix()
    for spelled in (text, quote(text)):
        if make_url(f"sqlite:///{spelled}").database == text:
            return f"sqlite:///{spelled}"
    return f"sqlite:///file:{quote(text)}?uri=true"


def _client(folder: Path) -> MlflowClient:
    """Open the database of a folder, made anew where there is none."""
    folder.mkdir(parents=True, exist_ok=True)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)  # it tells of every table that it makes
    return MlflowClient(tracking_uri=database_url(folder / DATABASE))
