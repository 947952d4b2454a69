import io
import pickle
import zipfile

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from pruneproof.errors import StoreCorrupt
from pruneproof.training.checkpoint import (
    load_progress,
    load_tensors,
    pack_optimizer,
    save_progress,
    save_tensors,
    unpack_optimizer,
)

TENSORS = {
    "weight": torch.arange(600, dtype=torch.float32).reshape(20, 30),
    "half": torch.ones(3, dtype=torch.bfloat16),
    "steps": torch.tensor(7),
    "mask": torch.tensor([True, False]),
    "nothing": torch.zeros(0, 4),
    "odd": torch.tensor([float("nan"), float("inf"), -0.0]),
}
FACTS = {"loss": [0.1 + 0.2, None], "diverged": False, "name": "π"}


def test_tensors_and_facts_survive_the_disk_to_the_bit(tmp_path):
    save_tensors(tmp_path / "a.safetensors", TENSORS, FACTS)
    tensors, facts = load_tensors(tmp_path / "a.safetensors")
    assert facts == FACTS
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in tensors.items():
        assert tensor.dtype == TENSORS[name].dtype
        assert tensor.shape == TENSORS[name].shape
        assert tensor.view(torch.uint8).tolist() == TENSORS[name].view(torch.uint8).tolist() if tensor.dim() else True
    assert tensors["steps"].item() == 7


def test_views_and_transposed_tensors_are_written_as_they_look(tmp_path):
    whole = torch.arange(12.0).reshape(3, 4)
    save_tensors(tmp_path / "a", {"turned": whole.T, "part": whole[:, 1]}, {})
    tensors, _ = load_tensors(tmp_path / "a")
    assert torch.equal(tensors["turned"], whole.T)
    assert torch.equal(tensors["part"], whole[:, 1])


def test_tensors_that_share_memory_are_each_written(tmp_path):
    tied = torch.arange(4.0)
    save_tensors(tmp_path / "a", {"first": tied, "second": tied}, {})
    tensors, _ = load_tensors(tmp_path / "a")
    assert torch.equal(tensors["first"], tied)
    assert torch.equal(tensors["second"], tied)


def test_equal_content_makes_equal_files(tmp_path):
    save_tensors(tmp_path / "a", TENSORS, FACTS)
    save_tensors(tmp_path / "b", dict(reversed(TENSORS.items())), FACTS)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_saving_replaces_the_old_file_and_leaves_nothing_else(tmp_path):
    save_tensors(tmp_path / "a", TENSORS, FACTS)
    save_tensors(tmp_path / "a", {"x": torch.ones(1)}, {})
    assert list(load_tensors(tmp_path / "a")[0]) == ["x"]
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("eighth", range(8))
def test_a_truncated_file_is_corrupt_and_named(tmp_path, eighth):
    path = tmp_path / "a.safetensors"
    save_tensors(path, TENSORS, FACTS)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * eighth // 8])
    with pytest.raises(StoreCorrupt, match=r"a\.safetensors cannot be read"):
        load_tensors(path)


def test_a_missing_file_is_corrupt(tmp_path):
    with pytest.raises(StoreCorrupt, match="nowhere"):
        load_tensors(tmp_path / "nowhere")


def test_a_file_without_facts_is_corrupt(tmp_path):
    from safetensors.torch import save_file

    save_file({"x": torch.ones(1)}, tmp_path / "a")
    with pytest.raises(StoreCorrupt, match="facts"):
        load_tensors(tmp_path / "a")


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was executed",))


@pytest.mark.parametrize("wrap", ["bare", "torch"])
def test_a_pickle_in_place_of_a_checkpoint_is_never_executed(tmp_path, wrap):
    content = pickle.dumps(Bomb())
    if wrap == "torch":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("archive/data.pkl", content)
            archive.writestr("archive/version", "3")
        content = buffer.getvalue()
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(StoreCorrupt):
        load_tensors(tmp_path / "a")


@pytest.mark.parametrize(
    "make",
    [
        lambda parameters: torch.optim.SGD(parameters, 0.1, momentum=0.9),
        lambda parameters: torch.optim.SGD(parameters, 0.1),
        lambda parameters: torch.optim.Adam(parameters, 0.1),
        lambda parameters: torch.optim.AdamW(parameters, 0.1),
    ],
    ids=["momentum", "plain", "adam", "adamw"],
)
def test_an_optimizer_continues_as_if_it_had_never_been_away(tmp_path, make):
    torch.manual_seed(0)
    inputs = torch.randn(5, 3)

    def steps(model, optimizer, number):
        for _ in range(number):
            optimizer.zero_grad()
            model(inputs).square().sum().backward()
            optimizer.step()

    model = nn.Linear(3, 2)
    start = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    optimizer = make(model.parameters())
    steps(model, optimizer, 5)
    whole = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    model.load_state_dict(start)
    optimizer = make(model.parameters())
    steps(model, optimizer, 2)
    save_tensors(tmp_path / "a", pack_optimizer(optimizer), {})
    fresh = make(model.parameters())
    unpack_optimizer(fresh, load_tensors(tmp_path / "a")[0])
    steps(model, fresh, 3)
    assert all(torch.equal(tensor, whole[name]) for name, tensor in model.state_dict().items())


def test_a_refusal_to_write_is_the_systems_own_error_and_leaves_nothing(tmp_path):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            save_tensors(tmp_path / "a", TENSORS, FACTS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_unfinished_work_goes_on_from_the_last_state(tmp_path):
    path = tmp_path / "epoch.safetensors"
    assert load_progress(path) is None
    for epoch in (1, 2):
        save_progress(path, {"x": torch.full((3,), float(epoch))}, {"loss": [0.5] * epoch})
    tensors, facts = load_progress(path)
    assert (tensors["x"].tolist(), facts) == ([2.0] * 3, {"loss": [0.5, 0.5]})


@given(data=st.data())
def test_a_bit_that_flipped_anywhere_is_never_trained_on(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("flip") / "epoch.safetensors"
    states = [({**TENSORS, "x": torch.full((3,), float(epoch))}, {"loss": [0.5] * epoch}) for epoch in (1, 2)]
    for state in states:
        save_progress(path, *state)
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    tensors, facts = load_progress(path)
    expected = states[len(facts["loss"]) - 1]
    assert facts == expected[1]
    assert all(torch.equal(tensors[name].nan_to_num(), expected[0][name].nan_to_num()) for name in expected[0])


def test_two_damaged_states_leave_none_and_say_so(tmp_path, caplog):
    path = tmp_path / "epoch.safetensors"
    for _ in range(2):
        save_progress(path, {"x": torch.ones(3)}, {})
    for each in list(tmp_path.iterdir()):
        each.write_bytes(each.read_bytes()[:-1] + b"!")
    assert load_progress(path) is None
    assert list(tmp_path.iterdir()) == []
    assert caplog.text.count("is damaged (its content is not what was written)") == 2


def test_a_state_without_a_digest_is_damaged(tmp_path):
    path = tmp_path / "epoch.safetensors"
    save_tensors(path, {"x": torch.ones(3)}, {"loss": []})
    assert load_progress(path) is None
