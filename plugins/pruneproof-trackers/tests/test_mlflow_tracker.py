import json
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow.telemetry.utils import is_telemetry_disabled
from pruneproof.api import StageInfo

from pruneproof_trackers.mlflow_tracker import track
from reading import client, runs_of


@pytest.fixture
def folder(run, tell):
    tell(track)
    return run.folder / "mlflow"


def test_the_whole_run_says_what_it_was(folder, run):
    (whole,), _ = runs_of(folder)
    assert whole.info.run_name == "mini 0123456789ab"
    assert whole.info.status == "FINISHED"
    assert whole.data.params == {
        "paper": "global-mp",
        "title": "Is Complexity Required?",
        "profile": "mini",
        "plan": run.plan,
        "device": "cpu",
        "stages": "3",
        "set.1": "mlp.recipe.retrain.epochs=2",
        "data.digits": "d" * 64,
        "scale": "small",
        "seeds": "[3]",
        "plugin.builtin": "pruneproof 0.1.0",
        "version.torch": "2.9.0",
    }
    assert whole.data.tags["verdict.floors"] == "holds"


def test_progress_is_a_curve(folder):
    (whole,), _ = runs_of(folder)
    points = client(folder).get_metric_history(whole.info.run_id, "stages_finished")
    assert [(each.step, each.value) for each in points] == [(1, 1.0), (2, 2.0)]


def test_a_network_is_nested_in_its_run(folder):
    (whole,), (network,) = runs_of(folder)
    assert network.data.tags["mlflow.parentRunId"] == whole.info.run_id
    assert network.info.run_name == "mlp/global/0.9/seed-3/end"
    assert network.info.status == "FINISHED"
    assert network.data.params == {
        "run": "mlp",
        "method": "global",
        "target_sparsity": "0.9",
        "seed": "3",
        "at": "end",
        "stage": "bb",
    }
    assert network.data.metrics == pytest.approx(
        {
            "accuracy": 91.5,
            "epochs": 5,
            "diverged": 0,
            "densities/fc.weight": 0.1,
            "densities/classifier.weight": 0.0,
            "accuracy_by_epoch": 91.5,
            "norms_by_epoch/fc.weight": 2.0,
            "loss_by_epoch": 0.5,
        }
    )
    points = client(folder).get_metric_history(network.info.run_id, "accuracy_by_epoch")
    assert [(each.step, each.value) for each in points] == [(1, 88.0), (2, 91.5)]


def test_the_record_is_an_artifact(folder, record, tmp_path):
    (whole,), _ = runs_of(folder)
    path = client(folder).download_artifacts(whole.info.run_id, "record.json", str(tmp_path))
    assert json.loads(Path(path).read_text(encoding="utf-8")) == record


def test_runs_of_one_paper_share_an_experiment(folder, tell):
    tell(track)
    whole, networks = runs_of(folder)
    assert (len(whole), len(networks)) == (2, 2)


@pytest.mark.parametrize(("problem", "status"), [(OSError("disk"), "FAILED"), (KeyboardInterrupt(), "KILLED")])
def test_a_run_that_does_not_end_well_says_so(run, measured, problem, status):
    def end():
        with track(run) as session:
            session.on_measurement(measured)
            raise problem

    with pytest.raises(type(problem)):
        end()
    (whole,), (network,) = runs_of(run.folder / "mlflow")
    assert whole.info.status == status
    assert network.data.metrics["accuracy"] == 91.5


def test_more_than_mlflow_takes_at_once_is_written_whole(run, measured):
    data = {
        f"{number}": StageInfo("train", "", {"data": {"id": f"data-{number}", "fingerprint": "d"}})
        for number in range(120)
    }
    with track(replace(run, stages=data)) as session:
        session.on_measurement(replace(measured, history={"watched": {"accuracy": [50.0] * 1500}}))
    (whole,), (network,) = runs_of(run.folder / "mlflow")
    assert sum(name.startswith("data.") for name in whole.data.params) == 120
    points = client(run.folder / "mlflow").get_metric_history(network.info.run_id, "accuracy_by_epoch")
    assert len(points) == 1500


@pytest.mark.parametrize("name", ["which one?", "100%", "%41", "a#b", "a b", "ü;&="])
def test_the_database_lies_in_the_folder_whatever_its_path_has(run, measured, record, name):
    run = replace(run, folder=run.folder / name / "report")
    with track(run) as session:
        session.on_measurement(measured)
        session.on_record(record)
    assert (run.folder / "mlflow" / "mlflow.db").is_file()
    [network] = runs_of(run.folder / "mlflow")[1]
    assert network.data.metrics["accuracy"] == 91.5
    assert len(list((run.folder / "mlflow" / "artifacts").rglob("record.json"))) == 1


def test_an_experiment_that_was_deleted_is_restored(folder, run, tell):
    mlflow = client(folder)
    mlflow.delete_experiment(mlflow.get_experiment_by_name(run.paper).experiment_id)
    tell(track)
    assert len(runs_of(folder)[0]) == 2


def test_a_folder_that_cannot_be_written_is_told_before_the_run(run):
    run.folder.mkdir(parents=True)
    (run.folder / "mlflow").write_text("in the way")
    with pytest.raises(OSError, match="mlflow"), track(run):
        pytest.fail("the run began")


def test_nothing_is_reported_to_anybody():
    assert is_telemetry_disabled()
