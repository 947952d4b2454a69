import json
import struct

import pytest
import torch
from safetensors.torch import save_file

from pruneproof.checkpoints.source import open_source
from pruneproof.errors import BadOption, DataCorrupt, DataMissing


@pytest.fixture
def sharded(tmp_path):
    """Two shards and their index; returns a function that writes the index anew."""
    save_file({"a": torch.ones(2, 2)}, tmp_path / "one.safetensors")
    save_file({"b": torch.ones(3)}, tmp_path / "two.safetensors")

    def index(**placed):
        path = tmp_path / "model.safetensors.index.json"
        path.write_text(json.dumps({"metadata": {"total_size": 28}, "weight_map": placed}))
        return path

    return index


def test_the_shards_of_an_index_are_one_checkpoint(sharded):
    source = open_source(sharded(a="one.safetensors", b="two.safetensors"))
    assert [path.name for path in source.paths] == ["one.safetensors", "two.safetensors"]
    assert source.opened.tensors == [("a", "F32", (2, 2), 0), ("b", "F32", (3,), 1)]


@pytest.mark.parametrize(
    "shard", ["../one.safetensors", "/etc/passwd", "sub/one.safetensors", "..", ".", "", "a\\b", "a\0b"]
)
def test_a_shard_outside_of_the_folder_is_refused(sharded, shard):
    with pytest.raises(DataCorrupt, match="in its own folder"):
        open_source(sharded(a=shard))


def test_a_missing_shard_is_named(sharded):
    with pytest.raises(DataMissing, match=r"three\.safetensors"):
        open_source(sharded(a="one.safetensors", b="three.safetensors"))


@pytest.mark.parametrize(
    "placed", [{"a": "two.safetensors", "b": "two.safetensors"}, {"a": "one.safetensors", "c": "two.safetensors"}]
)
def test_an_index_that_contradicts_its_shards_is_refused(sharded, placed):
    with pytest.raises(DataCorrupt, match=r'tensor "[abc]" is in'):
        open_source(sharded(**placed))


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"weight_map": 3}', '{"weight_map": {"a": 1}}', '{"weight_map": {}}', "[" * 10**6]
)
def test_what_is_no_index_is_refused(tmp_path, text):
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(text)
    with pytest.raises(DataCorrupt, match=r"index\.json"):
        open_source(path)


def test_one_tensor_in_two_shards_is_refused(sharded, tmp_path):
    save_file({"a": torch.ones(2, 2), "b": torch.ones(3)}, tmp_path / "two.safetensors")
    with pytest.raises(DataCorrupt, match='"a" is in'):
        open_source(sharded(a="one.safetensors", b="two.safetensors"))


def test_a_folder_and_a_missing_file_are_told_apart(tmp_path):
    with pytest.raises(BadOption, match="is a folder"):
        open_source(tmp_path)
    with pytest.raises(DataMissing):
        open_source(tmp_path / "none.safetensors")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"abc",
        b"\xff" * 8,
        struct.pack("<Q", 2**63),
        struct.pack("<Q", 99_999_999) + b"{}",
        struct.pack("<Q", 2) + b"{}" + b"trailing",
        struct.pack("<Q", 4) + b"nope",
    ],
)
def test_what_is_no_safetensors_file_is_refused(tmp_path, content):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(DataCorrupt, match=r"model\.safetensors"):
        open_source(path)


def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path):
    save_file({"a": torch.ones(2, 2), "b": torch.ones(3)}, tmp_path / "whole.safetensors")
    content = (tmp_path / "whole.safetensors").read_bytes()
    part = tmp_path / "part.safetensors"
    for length in range(len(content)):
        part.write_bytes(content[:length])
        with pytest.raises(DataCorrupt):
            open_source(part)


def test_the_checkpoint_of_a_folder_is_found(sharded, tmp_path):
    index = sharded(a="one.safetensors", b="two.safetensors")
    found = open_source(tmp_path)
    assert (found.index, found.folder, found.files[-1]) == (index, tmp_path, index)
    index.unlink()
    (tmp_path / "two.safetensors").unlink()
    assert open_source(tmp_path).paths == (tmp_path / "one.safetensors",)


def test_a_folder_of_several_checkpoints_names_them(sharded, tmp_path):
    with pytest.raises(BadOption, match=r"several checkpoints.*one\.safetensors, two\.safetensors"):
        open_source(tmp_path)
    sharded(a="one.safetensors", b="two.safetensors")
    save_file({"a": torch.ones(2)}, tmp_path / "model.safetensors")
    with pytest.raises(BadOption, match=r"several checkpoints.*index\.json, model\.safetensors"):
        open_source(tmp_path)


@pytest.mark.parametrize("name", ["model.safetensors", "model.pt"])
def test_files_of_another_format_are_said_to_be_what_they_are(tmp_path, name):
    torch.save({"a": torch.ones(2)}, tmp_path / name)
    with pytest.raises(DataCorrupt, match=r"is a file of torch\.save.*save_file"):
        open_source(tmp_path / name)


def test_shards_and_folders_of_another_format_too(sharded, tmp_path):
    index = sharded(a="one.safetensors", b="two.safetensors")
    (tmp_path / "two.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n")
    with pytest.raises(DataCorrupt, match=r"two\.safetensors is a Git LFS pointer.*git lfs pull"):
        open_source(index)
    index.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n")
    with pytest.raises(DataCorrupt, match=r"index\.json is a Git LFS pointer"):
        open_source(index)
    distributed = tmp_path / "distributed"
    distributed.mkdir()
    (distributed / ".metadata").touch()
    with pytest.raises(DataCorrupt, match="distributed checkpoint"):
        open_source(distributed)
    torch_folder = tmp_path / "torch"
    torch_folder.mkdir()
    torch.save({"a": torch.ones(2)}, torch_folder / "pytorch_model.bin")
    with pytest.raises(DataCorrupt, match=r"pytorch_model\.bin is a file of torch\.save"):
        open_source(torch_folder)
