import json
import time

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from pruneproof_trackers.tensorboard_tracker import track
from reading import scalars_and_texts


@pytest.fixture
def folder(run, tell):
    tell(track)
    (only,) = (run.folder / "tensorboard").iterdir()
    return only


def test_the_folder_is_named_by_paper_profile_and_time(folder):
    assert folder.name.startswith(f"global-mp-mini-{time.strftime('%Y', time.gmtime())}")


def test_a_network_has_its_curves_and_its_final_figures(folder):
    scalars, _ = scalars_and_texts(folder / "mlp" / "global" / "0.9" / "seed-3" / "end")
    assert scalars["accuracy_by_epoch"] == [(1, 88.0), (2, 91.5)]
    assert scalars["loss_by_epoch"] == [(1, 0.5)]
    assert "validation_by_epoch" not in scalars
    assert scalars["norms_by_epoch/fc.weight"] == [(1, 2.0)]
    finals = {tag: points[-1][1] for tag, points in scalars.items() if "_by_epoch" not in tag}
    assert finals == pytest.approx(
        {
            "accuracy": 91.5,
            "epochs": 5,
            "diverged": 0,
            "densities/fc.weight": 0.1,
            "densities/classifier.weight": 0.0,
        }
    )


def test_a_network_is_found_by_what_identifies_it(folder):
    events = EventAccumulator(str(folder / "mlp" / "global" / "0.9" / "seed-3" / "end")).Reload()
    content = events.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    found = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams
    assert {name: value.string_value or value.number_value for name, value in found.items()} == {
        "run": "mlp",
        "method": "global",
        "target_sparsity": 0.9,
        "seed": 3,
        "at": "end",
        "stage": "bb",
    }


def test_the_whole_has_progress_parameters_and_verdicts(folder, run):
    scalars, texts = scalars_and_texts(folder)
    assert scalars["stages_finished"] == [(1, 1), (2, 2)]
    assert f"| plan | {run.plan} |" in texts["parameters/text_summary"]
    assert f"| data.digits | {'d' * 64} |" in texts["parameters/text_summary"]
    assert "| set.1 | mlp.recipe.retrain.epochs=2 |" in texts["parameters/text_summary"]
    assert "| plugin.builtin | pruneproof 0.1.0 |" in texts["record/text_summary"]
    assert texts["verdicts/text_summary"].splitlines()[2] == "| floors | holds | a \\| b |"


def test_the_record_lies_beside_the_event_files(folder, record):
    assert json.loads((folder / "record.json").read_text(encoding="utf-8")) == record


def test_two_runs_do_not_mix(run, tell):
    tell(track)
    tell(track)
    assert len(list((run.folder / "tensorboard").iterdir())) == 2


def test_a_run_that_fails_leaves_what_was_measured(run, measured):
    def end():
        with track(run) as session:
            session.on_measurement(measured)
            raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        end()
    (folder,) = (run.folder / "tensorboard").iterdir()
    assert scalars_and_texts(folder / "mlp" / "global" / "0.9" / "seed-3" / "end")[0]["accuracy"][0][1] == 91.5
