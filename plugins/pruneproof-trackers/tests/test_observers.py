import sys

import pluggy
import pytest
from pruneproof.api import BadPlugin
from pruneproof.registry.hookspecs import hookspecs
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import pruneproof_trackers
from pruneproof_trackers.facts import FOLDER, tracking_folder
from pruneproof_trackers.observers import OBSERVERS
from reading import runs_of


def test_the_plugin_registers_both():
    manager = pluggy.PluginManager("pruneproof")
    manager.add_hookspecs(hookspecs())
    manager.register(pruneproof_trackers)
    manager.check_pending()
    (observers,) = manager.hook.pruneproof_observers()
    assert [each.id for each in observers] == ["tensorboard", "mlflow"]


@pytest.mark.parametrize(
    ("observer", "library"), [("tensorboard", "tensorboard"), ("mlflow", "mlflow"), ("mlflow", "alembic")]
)
def test_a_missing_library_is_named_with_what_to_install(observer, library, run, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)  # what an import system without it answers
    (chosen,) = (each for each in OBSERVERS if each.id == observer)
    with pytest.raises(BadPlugin, match=rf'needs {library}, .* pip install "pruneproof-trackers\[{observer}\]"'):
        chosen.open(run)


def test_the_environment_chooses_the_folder(run, tmp_path, monkeypatch):
    assert tracking_folder("mlflow", run) == run.folder / "mlflow"
    monkeypatch.setenv(FOLDER, "")
    assert tracking_folder("mlflow", run) == run.folder / "mlflow"
    monkeypatch.setenv(FOLDER, str(tmp_path / "all"))
    assert tracking_folder("mlflow", run) == tmp_path / "all" / "mlflow"
    monkeypatch.setenv(FOLDER, "~/tracked")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert tracking_folder("tensorboard", run) == tmp_path / "tracked" / "tensorboard"


def test_a_real_run_is_tracked_by_both_and_a_second_finds_the_same(repro, tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path / "tracked"))
    short = ("--set", "mlp.recipe.dense.epochs=2", "--set", "mlp.recipe.retrain.epochs=1")
    chosen = ("--set", "mlp.sparsities=[0.9]", "--only", "mlp/global", "--seeds", "1", "--workers", "1", "--quiet")
    command = ("run", "global-mp", *short, *chosen, "--observe", "mlflow")
    assert repro(*command, "--observe", "tensorboard") == 0
    assert repro(*command) == 0

    whole, networks = runs_of(tmp_path / "tracked" / "mlflow")
    assert [each.info.status for each in whole] == ["FINISHED"] * 2
    assert whole[0].data.params["set.1"] == "mlp.recipe.dense.epochs=2"
    assert whole[0].data.params["plan"] == whole[1].data.params["plan"]
    assert "stages_finished" not in whole[0].data.metrics
    assert whole[1].data.metrics["stages_finished"] > 0
    accuracy = {}
    for each in networks:
        accuracy.setdefault(each.info.run_name, []).append(each.data.metrics["accuracy"])
    assert all(first == second for first, second in accuracy.values())

    (folder,) = (tmp_path / "tracked" / "tensorboard").iterdir()
    for name, (found, _) in accuracy.items():
        events = EventAccumulator(str(folder / name)).Reload()
        assert events.Scalars("accuracy")[-1].value == pytest.approx(found)
