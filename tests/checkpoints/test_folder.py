import pytest

from pruneproof.checkpoints.folder import beside, making
from pruneproof.errors import StoreUnwritable

COPIED = [
    "1_Pooling/config.json",
    "2_Dense/model.safetensors",
    "config.json",
    "modelling.py",
    "tokenizer.json",
]
LEFT = [
    ".git/config",
    ".cache",
    "consolidated.safetensors",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "original/consolidated.00.pth",
    "onnx/model.onnx",
    "model-q4.gguf",
    "pruned/config.json",
]


def test_what_makes_the_model_is_copied_and_no_other_weights(tmp_path):
    for name in [*COPIED, *LEFT, "model.safetensors"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = beside(tmp_path, [tmp_path / "model.safetensors"], tmp_path / "pruned")
    assert sorted(map(str, found)) == COPIED


def test_links_to_files_are_followed(tmp_path):
    """A folder of the Hugging Face cache holds nothing but links."""
    (tmp_path / "blobs").mkdir()
    (tmp_path / "snapshot").mkdir()
    (tmp_path / "blobs" / "0a").write_text("{}")
    (tmp_path / "snapshot" / "config.json").symlink_to(tmp_path / "blobs" / "0a")
    assert [str(path) for path in beside(tmp_path / "snapshot", [], tmp_path / "pruned")] == ["config.json"]


def test_folders_that_were_made_go_after_an_error_and_others_stay(tmp_path):
    (tmp_path / "old").mkdir()

    def fail():
        with making([tmp_path / "old", tmp_path / "old" / "new", tmp_path / "old" / "new" / "inner"]):
            assert (tmp_path / "old" / "new" / "inner").is_dir()
            raise ValueError("halfway")

    with pytest.raises(ValueError, match="halfway"):
        fail()
    assert list(tmp_path.rglob("*")) == [tmp_path / "old"]


def test_a_folder_that_cannot_be_made_is_one_message(tmp_path):
    with pytest.raises(StoreUnwritable, match="cannot be made"), making([tmp_path / "none" / "new"]):
        pass
