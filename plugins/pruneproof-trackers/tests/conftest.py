"""A run as observers hear of it, and the whole tool with the trackers registered."""

from pathlib import Path

import pytest
import torch
from pruneproof.api import Event, Measured, Measurement, RunInfo, StageInfo
from pruneproof.cli import execute
from pruneproof.registry.manager import installed


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def run(tmp_path):
    """A paper's variant about to start: one network to train and one to prune."""
    network = {"data": {"id": "digits", "fingerprint": "d" * 64}, "seed": 3}
    return RunInfo(
        paper="global-mp",
        title="Is Complexity Required?",
        profile="mini",
        device="cpu",
        variant=("mlp.recipe.retrain.epochs=2",),
        plan="0123456789abcdef" * 4,
        stages={
            "aa": StageInfo("train", "mlp · seed 3 · dense", network),
            "bb": StageInfo("prune", "mlp · seed 3 · global 0.9 · prune", network),
            "cc": StageInfo("mechanism", "floors", {"check": {"id": "floors"}}),
        },
        folder=tmp_path / "report",
    )


@pytest.fixture
def measured():
    return Measured(
        run="mlp",
        method="global",
        sparsity=0.9,
        seed=3,
        at="end",
        digest="bb",
        measurement=Measurement(
            {
                "accuracy": 91.5,
                "last-epoch-loss": None,
                "diverged": False,
                "epochs": 5,
                "densities": {"fc.weight": 0.1, "classifier.weight": 0.0},
                "alive-per-unit": {"fc.weight": [3, 0]},
            }
        ),
        history={
            "loss": [0.5, None],
            "validation": [],
            "watched": {"accuracy": [88.0, 91.5], "norms": [{"fc.weight": 2.0}, None]},
        },
    )


@pytest.fixture
def record():
    return {
        "paper": "global-mp",
        "scale": "small",
        "seeds": [3],
        "plugins": [{"name": "builtin", "distribution": "pruneproof", "version": "0.1.0"}],
        "environment": {"device": "cpu", "versions": {"torch": "2.9.0"}},
        "claims": [{"id": "floors", "verdict": "holds", "reason": "a | b"}],
    }


@pytest.fixture
def tell(run, measured, record):
    """Go through a whole run with an observer's `open`."""

    def go(open_observer):
        with open_observer(run) as session:
            for digest in ("aa", "bb"):
                session.on_event(Event("start", digest))
                session.on_event(Event("progress", digest, 1, 2))
                session.on_event(Event("finish", digest))
            session.on_measurement(measured)
            session.on_record(record)

    return go


@pytest.fixture
def repro(tmp_path, monkeypatch):
    """Run a command line in this process, with the trackers registered, installed or not."""
    monkeypatch.setenv("PRUNEPROOF_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("PRUNEPROOF_DATA", str(tmp_path / "data"))
    plugin = Path(tmp_path) / "trackers_file.py"
    plugin.write_text("from pruneproof_trackers import pruneproof_observers\n")
    loose = [] if "trackers" in installed() else ["--plugin", str(plugin)]

    def go(*arguments):
        return execute([*map(str, arguments), *loose])

    return go
