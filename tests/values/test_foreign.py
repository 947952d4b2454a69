"""Files of other formats are told by their first bytes, whatever they are called."""

import gzip
import pickle
import tarfile

import numpy as np
import pytest
import torch
import torch.distributed.checkpoint
from safetensors.torch import save_file

from pruneproof.values.foreign import foreign, foreign_folder


def torch_file(path):
    torch.save({"w": torch.ones(2)}, path)


def old_torch_file(path):
    torch.save({"w": torch.ones(2)}, path, _use_new_zipfile_serialization=False)


def script(path):
    torch.jit.trace(torch.nn.ReLU(), torch.ones(1)).save(str(path))


def pickled(path):
    path.write_bytes(pickle.dumps({"w": [1.0]}))


def npz(path):
    with path.open("wb") as file:
        np.savez(file, w=np.ones(2))


def npy(path):
    with path.open("wb") as file:
        np.save(file, np.ones(2))


def compressed(path):
    path.write_bytes(gzip.compress(b"weights"))


def archived(path):
    with tarfile.open(path, "w") as archive:
        archive.addfile(tarfile.TarInfo("weights"))


def content(start):
    return lambda path: path.write_bytes(start + bytes(64))


WRITERS = {
    "file of torch.save": [torch_file, old_torch_file],
    "TorchScript": [script],
    "pickle": [pickled],
    "numpy": [npz, npy],
    "HDF5": [content(b"\x89HDF\r\n\x1a\n")],
    "GGUF": [content(b"GGUF\x03\0\0\0")],
    "ONNX": [content(b"\x08\x08\x12\x07pytorch\x1a\x05")],
    "Git LFS pointer": [content(b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n")],
    "web page": [content(b"<!DOCTYPE html><title>404</title>")],
    "compressed": [compressed, archived],
}


@pytest.mark.parametrize(("what", "write"), [(what, write) for what, writers in WRITERS.items() for write in writers])
@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_a_file_is_said_to_be_what_it_is(tmp_path, what, write):
    path = tmp_path / "model.safetensors"
    write(path)
    found = foreign(path)
    assert what in found.what
    message = str(found.refusal(path))
    assert message.startswith(f"{path} is a")
    assert found.way in message


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("a.onnx", "ONNX"),
        ("flax_model.msgpack", "Flax"),
        ("m.data-00000-of-00001", "TensorFlow"),
        ("a.tflite", "TensorFlow"),
    ],
)
def test_formats_without_a_mark_are_told_by_their_names(tmp_path, name, what):
    (tmp_path / name).write_bytes(b"\x82\xa3abc")
    assert what in foreign(tmp_path / name).what


@pytest.mark.filterwarnings("ignore:torch.distributed is")
def test_a_distributed_checkpoint_is_told_as_a_folder_and_by_its_parts(tmp_path):
    torch.distributed.checkpoint.save({"w": torch.ones(2)}, checkpoint_id=tmp_path)
    assert "dcp_to_torch" in foreign_folder(tmp_path).way
    assert {foreign(path).what for path in tmp_path.iterdir()} == {"a part of a torch distributed checkpoint"}


def test_a_safetensors_file_is_not_foreign_whatever_the_length_of_its_header_looks_like(tmp_path):
    path = tmp_path / "m"
    for length in range(1, 60):
        save_file({"w" * length: torch.ones(1)}, path)
        assert foreign(path) is None
    path.write_bytes(b"\x80\x02\0\0\0\0\0\0{")  # begins as a pickle does
    assert foreign(path) is None


@pytest.mark.parametrize("bytes_", [b"", b"noise", b"PK\x03\x04 and nothing more", b"\x80\x07abc"])
def test_what_is_not_recognised_is_left_to_who_reads_it(tmp_path, bytes_):
    (tmp_path / "m").write_bytes(bytes_)
    assert foreign(tmp_path / "m") is None
    assert foreign(tmp_path / "absent") is None
