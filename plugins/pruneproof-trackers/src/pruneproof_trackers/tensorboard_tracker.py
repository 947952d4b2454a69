"""Runs as TensorBoard event files: curves, final figures and hyperparameters of each network, and the verdicts."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pruneproof.api import Event, Measured, RunInfo
from torch.utils.tensorboard.writer import SummaryWriter

from pruneproof_trackers.facts import (
    cell_curves,
    cell_metrics,
    cell_name,
    cell_parameters,
    record_parameters,
    run_parameters,
    tracking_folder,
)


@contextmanager
def track(run: RunInfo) -> Iterator["TensorBoardSession"]:
    """Write the run below a folder of its own, named by paper, profile and starting time."""
    started = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    folder = tracking_folder("tensorboard", run) / f"{run.paper}-{run.profile}-{started}"
    with SummaryWriter(folder) as overall:
        overall.add_text("parameters", _table(("parameter", "value"), run_parameters(run).items()))
        overall.flush()  # a disk that refuses is told now, and not after the last stage
        yield TensorBoardSession(folder, overall)


class TensorBoardSession:
    """One run: `overall` for the whole, a folder below for each network."""

    def __init__(self, folder: Path, overall: SummaryWriter) -> None:
        self.folder, self.overall = folder, overall
        self.finished = 0

    def on_event(self, event: Event) -> None:
        """Count the finished stages."""
        if event.kind == "finish":
            self.finished += 1
            self.overall.add_scalar("stages_finished", self.finished, self.finished)

    def on_measurement(self, measured: Measured) -> None:
        """Write a network's curves, and its final figures beside what identifies it."""
        with SummaryWriter(self.folder / cell_name(measured)) as writer:
            for name, epoch, value in cell_curves(measured):
                writer.add_scalar(name, value, epoch)
            writer.add_hparams(cell_parameters(measured), cell_metrics(measured), run_name=".")

    def on_record(self, record: Mapping[str, Any]) -> None:
        """Write the verdicts, and the record as it is beside the event files."""
        verdicts = [(claim["id"], claim["verdict"], claim["reason"]) for claim in record["claims"]]
        self.overall.add_text("record", _table(("parameter", "value"), record_parameters(record).items()))
        self.overall.add_text("verdicts", _table(("claim", "verdict", "reason"), verdicts))
        content = json.dumps(record, indent=1, ensure_ascii=False)
        (self.folder / "record.json").write_text(content + "\n", encoding="utf-8")


def _table(header: Sequence[str], rows: Any) -> str:
    """Return a table in Markdown, which TensorBoard shows as one."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)
