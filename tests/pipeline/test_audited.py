"""Cards of methods as planned and as recorded, on the tiny paper."""

import json

import pytest

from pruneproof.errors import BadOption, UnknownName
from pruneproof.papers.audit import audit
from pruneproof.papers.record import Record
from pruneproof.pipeline.audited import card_of, planned, recorded


@pytest.fixture
def card(tiny):
    def make(method, sparsity=0.9, run="mlp"):
        return card_of(planned("tiny", "mini", run, method), sparsity)

    return make


@pytest.mark.parametrize(
    ("method", "epochs", "pruning"),
    [("global", (3, 0, 2), 1), ("gradual", (0, 1, 1), 2), ("imp", (3, 2, 2), 2)],
)
def test_a_card_has_the_stages_of_the_steps(method, epochs, pruning, card):
    found = card(method)
    assert tuple(stage.epochs for stage in (found.pretrain, found.prune, found.retrain)) == epochs
    assert (found.rounds, found.granularity, found.network) == (pruning, "weight", "lenet-300-100")
    assert found.retrain.settings["momentum"] == 0.9
    assert found.report == "last"


def test_methods_that_prune_the_same_network_differ_in_nothing(card):
    found = audit(card("global"), card("uniform"))
    assert (found.level, found.unknown, found.violated) == ("S4.2", ((), ()), ())


def test_rounds_of_training_are_pruning(card):
    found = audit(card("global"), card("imp"))
    assert found.level == "S3.2"
    assert found.blocks["S4.1"].field == "prune.epochs"


def test_a_network_pruned_from_initialisation_has_another_base(card):
    found = audit(card("global"), card("gradual"))
    assert (found.level, found.blocks["S2"].same) == ("S1", False)


def test_a_dense_network_is_comparable_to_no_pruned_one(card):
    assert audit(card("global"), card("dense", 0.0)).blocks["S1"].field == "granularity"


def test_another_data_set_or_sparsity_is_told(card):
    assert audit(card("global", 0.9), card("global", 0.98)).level is None
    with pytest.raises(UnknownName, match=r'sparsity "0\.5"'):
        card("global", 0.5)
    with pytest.raises(UnknownName, match='method of mini run mlp "globl"'):
        card("globl")
    with pytest.raises(UnknownName, match='mini run "mpl"'):
        card("global", run="mpl")


@pytest.fixture
def path(replay, tmp_path):
    """The record of two methods."""
    path = tmp_path / "record.json"
    replay(only=("mlp/global", "mlp/uniform")).save(path)
    return path


def test_a_record_has_the_weights_of_the_base_and_the_fingerprint_of_its_data(path, card):
    record, found = Record.load(path), card_of(recorded(path, "mlp", "global"), 0.9)
    outputs = {stage.digest: stage.outputs for stage in record.stages}
    dense = [cell.stages[1] for cell in record.cells if (cell.method, cell.sparsity) == ("global", 0.9)]
    assert found.base.weights == tuple(outputs[each]["weights.safetensors"] for each in dense)
    assert found.fingerprint == record.data["digits"]
    assert audit(found, card_of(recorded(path, "mlp", "uniform"), 0.9)).level == "S4.2"
    assert audit(found, card("uniform")).level == "S4.2"  # planned, and recorded, on the same seeds


def test_bases_of_two_records_are_compared_by_their_weights(path, tmp_path):
    other, found = tmp_path / "other.json", card_of(recorded(path, "mlp", "global"), 0.9)
    content = json.loads(path.read_text())
    for stage in content["stages"]:
        if stage["kind"] == "train":
            stage["outputs"]["weights.safetensors"] = stage["outputs"]["weights.safetensors"][::-1]
    other.write_text(json.dumps(content))
    again = audit(found, card_of(recorded(other, "mlp", "uniform"), 0.9))
    assert (again.level, again.blocks["S2"].same) == ("S1", False)


def test_what_a_record_does_not_have_or_did_otherwise_is_refused(path, tiny):
    with pytest.raises(UnknownName, match=r'network "mlp/imp@0.9" \(record.json\)'):
        card_of(recorded(path, "mlp", "imp"), 0.9)
    runs = tiny / "runs.toml"
    runs.write_text(runs.read_text().replace("lr = 0.05", "lr = 0.06"))
    with pytest.raises(BadOption, match="the paper's files or the code have changed since"):
        card_of(recorded(path, "mlp", "global"), 0.9)


def test_a_variant_is_read_with_its_settings(replay, tiny, tmp_path):
    path = tmp_path / "record.json"
    replay(only=("mlp/global",), settings=("mlp.recipe.retrain.lr=0.01",)).save(path)
    assert max(card_of(recorded(path, "mlp", "global"), 0.9).retrain.rates) == 0.01
