import io
import json
import zipfile

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils import prune
from torch.optim.swa_utils import AveragedModel

from pruneproof.errors import BadTensor, DataCorrupt, DataMissing, PruneproofError, UnknownName
from pruneproof.values.mask_import import import_masks
from pruneproof.values.masks import MaskSet


def network():
    """A network whose two linear weights torch has pruned, and the expected masks."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Linear(5, 3))
    for layer in (net[0], net[2]):
        prune.l1_unstructured(layer, "weight", 0.5)
    return net, MaskSet.from_tensors({"0.weight": net[0].weight_mask, "2.weight": net[2].weight_mask})


def plain(net):
    """Make the pruning of torch permanent, and return the state dict."""
    for layer in (net[0], net[2]):
        prune.remove(layer, "weight")
    return net.state_dict()


def stored(path, tensors):
    """Write tensors by the ending of `path`."""
    if path.suffix == ".safetensors":
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    else:
        torch.save(tensors, path)
    return path


@pytest.mark.parametrize("name", ["x.pt", "x.safetensors"])
def test_buffers_of_torch_prune(tmp_path, name):
    net, expected = network()
    assert import_masks(stored(tmp_path / name, net.state_dict())) == (expected, "torch-prune")


def test_a_file_of_nothing_but_buffers(tmp_path):
    net, expected = network()
    buffers = {name: tensor for name, tensor in net.state_dict().items() if name.endswith("_mask")}
    assert import_masks(stored(tmp_path / "x.pt", buffers)) == (expected, "torch-prune")


def test_a_buffer_that_is_called_mask_and_belongs_to_attention_is_no_pruning(tmp_path):
    state = {"fc.weight": torch.tensor([[0.5, 0.0]]), "attn_mask": torch.tensor([[0.0, -100.0]])}
    masks, form = import_masks(stored(tmp_path / "x.pt", state), include=("fc.*",))
    assert form == "zeros"
    assert masks.array("fc.weight").tolist() == [[True, False]]


@pytest.mark.parametrize("dtype", [torch.int32, torch.float32, torch.bool, torch.bfloat16])
@pytest.mark.parametrize("zipped", [True, False])
def test_mask_dictionaries_of_openlth_and_their_kin(tmp_path, dtype, zipped):
    _, expected = network()
    path = tmp_path / "mask.pth"
    torch.save(expected.to_tensors(dtype), path, _use_new_zipfile_serialization=zipped)
    assert import_masks(path) == (expected, "mask")


@pytest.mark.parametrize("name", ["x.pt", "x.safetensors"])
def test_zeros_of_a_plain_state_dict(tmp_path, name):
    net, expected = network()
    assert import_masks(stored(tmp_path / name, plain(net))) == (expected, "zeros")


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model", "net", "params", "student"])
def test_zeros_of_a_state_dict_inside_a_checkpoint(tmp_path, key):
    net, expected = network()
    checkpoint = {"epoch": 3, "best": torch.tensor(0.5), key: plain(net)}
    assert import_masks(stored(tmp_path / "x.pt", checkpoint)) == (expected, "zeros")


def test_zeros_of_a_state_dict_two_levels_deep(tmp_path):
    net, expected = network()
    checkpoint = {"model": {"state_dict": plain(net)}, "optimizer": {"state": {0: {"exp_avg": torch.ones(6, 5)}}}}
    assert import_masks(stored(tmp_path / "x.pt", checkpoint)) == (expected, "zeros")


def test_of_several_state_dicts_none_is_guessed(tmp_path):
    net, _ = network()
    with pytest.raises(DataCorrupt, match="several state dicts: netD, netG"):
        import_masks(stored(tmp_path / "x.pt", {"netG": plain(net), "netD": net.state_dict()}))


def test_masks_apart_from_the_state_dict_in_one_file(tmp_path):
    net, expected = network()
    checkpoint = {"state_dict": plain(net), "masks": expected.to_tensors(torch.float32)}
    assert import_masks(stored(tmp_path / "x.pt", checkpoint)) == (expected, "mask")


def test_masks_by_layer_and_then_by_parameter(tmp_path):
    _, expected = network()
    by_layer = {name.removesuffix(".weight"): {"weight": mask, "bias": None} for name, mask in expected.items()}
    assert import_masks(stored(tmp_path / "x.pt", by_layer)) == (expected, "mask")


def test_a_dictionary_in_itself_ends(tmp_path):
    checkpoint = {"w": torch.tensor([[0.5, 0.0]])}
    checkpoint["model"] = checkpoint
    assert import_masks(stored(tmp_path / "x.pt", checkpoint))[0].count() == 1


@pytest.mark.parametrize("ending", ["safetensors", "bin"])
def test_the_shards_of_an_index_and_their_folder_are_one_checkpoint(tmp_path, ending):
    net, expected = network()
    placed = {name: f"model-{name[0]}.{ending}" for name in plain(net)}
    for shard in set(placed.values()):
        stored(tmp_path / shard, {name: net.state_dict()[name] for name in placed if placed[name] == shard})
    index = tmp_path / f"model.{ending}.index.json"
    index.write_text(json.dumps({"weight_map": placed}))
    assert import_masks(index) == (expected, "zeros")
    assert import_masks(tmp_path) == (expected, "zeros")


def test_an_index_that_contradicts_its_shards_is_refused(tmp_path):
    stored(tmp_path / "a.safetensors", {"w": torch.ones(2, 2)})
    (tmp_path / "m.safetensors.index.json").write_text('{"weight_map": {"v": "a.safetensors"}}')
    with pytest.raises(DataCorrupt, match="places it in"):
        import_masks(tmp_path / "m.safetensors.index.json")
    (tmp_path / "m.safetensors.index.json").write_text('{"weight_map": {"v": "../a.safetensors"}}')
    with pytest.raises(DataCorrupt, match="in its own folder"):
        import_masks(tmp_path / "m.safetensors.index.json")


WRAPPED = {
    "DataParallel": nn.DataParallel,
    "AveragedModel": AveragedModel,
    "compiled": torch.compile,
    "averaged and compiled": lambda net: AveragedModel(torch.compile(net)),
    "parallel, averaged": lambda net: AveragedModel(nn.DataParallel(net)),
}


@pytest.mark.parametrize("wrapper", WRAPPED)
@pytest.mark.parametrize("form", ["torch-prune", "zeros"])
def test_what_wrappers_put_in_front_of_names_is_taken_away(tmp_path, wrapper, form):
    net, expected = network()
    if form == "zeros":
        plain(net)
    else:
        for layer in (net[0], net[2]):
            layer.weight = layer.weight.detach()  # which can be copied
    state = WRAPPED[wrapper](net).state_dict()
    assert not state.keys() & set(expected)
    assert import_masks(stored(tmp_path / "x.pt", state)) == (expected, form)


def test_a_wrapped_file_of_nothing_but_masks(tmp_path):
    _, expected = network()
    masks = {f"module.{name}": mask for name, mask in expected.items()}
    assert import_masks(stored(tmp_path / "x.pt", masks)) == (expected, "mask")


def test_zeros_are_counted_in_weights_alone(tmp_path):
    state = {
        "q.qweight": torch.ones(4, 32, dtype=torch.int32),
        "q.scales": torch.zeros(2, 32),
        "experts.up": torch.tensor([[[0.5, 0.0, 0.25], [0.5, 0.0, 0.25]]]),
        "experts.up_bias": torch.zeros(4, 3),
        "causal": torch.ones(4, 4).tril(),
        "nothing": torch.ones(4, 0),
    }
    masks, form = import_masks(stored(tmp_path / "x.safetensors", state))
    assert form == "zeros"
    assert {name: masks.count(name) for name in masks} == {"experts.up": 4}


@pytest.mark.parametrize(
    ("content", "what"), [(b"GGUF\3\0\0\0", "GGUF"), (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull")]
)
def test_files_of_other_formats_are_said_to_be_what_they_are(tmp_path, content, what):
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(DataCorrupt, match=what):
        import_masks(tmp_path / "x.safetensors")


def test_a_whole_model_is_refused_by_the_name_of_its_class(tmp_path):
    torch.save(nn.Linear(2, 2), tmp_path / "x.pt")
    with pytest.raises(DataCorrupt, match=r"holds a torch\.nn\.modules\.linear\.Linear.*state dict"):
        import_masks(tmp_path / "x.pt")


def test_include_takes_vectors_too(tmp_path):
    state = {"a.weight": torch.ones(2, 2) * 0.5, "a.bias": torch.tensor([0.0, -0.0, 3.0])}
    masks, _ = import_masks(stored(tmp_path / "x.pt", state), include=("*.bias",))
    assert {name: masks.array(name).tolist() for name in masks} == {"a.bias": [False, False, True]}


def test_eight_bit_floats(tmp_path):
    state = {"w": torch.tensor([[0.0, -0.0, 2.0]]).to(torch.float8_e4m3fn)}
    assert import_masks(stored(tmp_path / "x.safetensors", state))[0].array("w").tolist() == [[False, False, True]]


def test_a_mask_file_with_its_threshold_parent_and_part(tmp_path):
    _, masks = network()
    masks.with_parent(MaskSet.dense(masks.shapes)).save(tmp_path / "m")
    found, form = import_masks(tmp_path / "m")
    assert (found, form) == (masks, "pruneproof")
    assert found.parent == MaskSet.dense(masks.shapes).digest()
    assert list(import_masks(tmp_path / "m", include=("2.*",))[0]) == ["2.weight"]


def test_a_form_that_is_asked_for_is_taken(tmp_path):
    path = stored(tmp_path / "x.pt", {"w": torch.tensor([[1.0, 0.0, 0.5]])})
    assert import_masks(path, form="zeros")[0].count() == 2
    with pytest.raises(BadTensor, match='form "zeros"'):
        import_masks(path, form="mask")
    with pytest.raises(BadTensor, match='no mask of the form "torch-prune"'):
        import_masks(path, form="torch-prune")
    with pytest.raises(UnknownName, match='Nearest: "zeros"'):
        import_masks(path, form="zero")
    with pytest.raises(BadTensor, match=r"that matches fc\.\*"):
        import_masks(path, include=("fc.*",))


def test_a_missing_file(tmp_path):
    with pytest.raises(DataMissing, match="does not exist"):
        import_masks(tmp_path / "x.pt")
    with pytest.raises(DataMissing, match="does not exist"):
        import_masks(tmp_path)


class Code:
    """Something whose pickle runs code."""

    def __reduce__(self):
        return (print, ("run",))


@pytest.mark.parametrize(
    "content", [Code(), {"w": Code()}, 3, [torch.ones(2)]], ids=["code", "inside", "number", "list"]
)
def test_files_that_hold_something_else_are_refused_and_not_run(tmp_path, content, capsys):
    path = tmp_path / "x.pt"
    torch.save(content, path)
    with pytest.raises(DataCorrupt):
        import_masks(path)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("tensor", "reason"),
    [
        (torch.ones(2, 2).to_sparse(), "sparse"),
        (torch.zeros(1).expand(2**40, 2**20), "fewer are stored"),
        (torch.ones(2, 2, device="meta"), "plain tensor"),
    ],
    ids=["sparse", "expanded", "meta"],
)
def test_tensors_without_all_their_numbers_are_refused(tmp_path, tensor, reason):
    path = tmp_path / "x.pt"
    torch.save({"w": tensor}, path)
    with pytest.raises(PruneproofError, match=reason):
        import_masks(path)


def test_an_archive_that_unpacks_to_more_than_it_holds_is_refused(tmp_path):
    stored(tmp_path / "x.pt", {"w": torch.zeros(1000, 1000)})
    with (
        zipfile.ZipFile(tmp_path / "x.pt") as old,
        zipfile.ZipFile(tmp_path / "y.pt", "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))
    with pytest.raises(DataCorrupt, match="unpacks to more than it holds"):
        import_masks(tmp_path / "y.pt")


@pytest.mark.parametrize("name", ["x.pt", "x.safetensors", "legacy.pt"])
@pytest.mark.parametrize("sixteenth", range(16))
def test_truncated_files_are_refused(tmp_path, name, sixteenth):
    net, _ = network()
    path = tmp_path / name
    if name == "legacy.pt":
        torch.save(net.state_dict(), path, _use_new_zipfile_serialization=False)
    else:
        stored(path, net.state_dict())
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * sixteenth // 16])
    with pytest.raises(PruneproofError):
        import_masks(path)


def sound_files():
    """The bytes of the same masks in each container."""
    net, masks = network()
    files = []
    for zipped in (True, False):
        buffer = io.BytesIO()
        torch.save(net.state_dict(), buffer, _use_new_zipfile_serialization=zipped)
        files.append(buffer.getvalue())
    buffer = io.BytesIO()
    torch.save(masks.to_tensors(torch.int32), buffer)
    return [*files, buffer.getvalue()]


@given(
    st.sampled_from(sound_files()),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 7)), min_size=1, max_size=4),
)
@settings(max_examples=300, deadline=None)
def test_flipped_bits_end_in_masks_or_in_an_error_of_ours(tmp_path_factory, whole, flips):
    flipped = bytearray(whole)
    for place, bit in flips:
        flipped[int(place * len(whole))] ^= 1 << bit
    path = tmp_path_factory.mktemp("flipped") / "x.pt"
    path.write_bytes(flipped)
    try:
        masks, _ = import_masks(path)
    except PruneproofError:
        return
    assert masks.size() <= len(whole)


@given(st.binary(max_size=200), st.sampled_from([b"", b"PK\x03\x04", b"\x80\x02", b"\x08\0\0\0\0\0\0\0{"]))
@settings(max_examples=200, deadline=None)
def test_noise_is_refused(tmp_path_factory, noise, start):
    path = tmp_path_factory.mktemp("noise") / "x"
    path.write_bytes(start + noise)
    with pytest.raises(PruneproofError):
        import_masks(path)


def test_a_dictionary_of_numbers_holds_no_mask(tmp_path):
    torch.save({"w": 3, "v": 0.5}, tmp_path / "x.pt")
    with pytest.raises(BadTensor, match="no mask"):
        import_masks(tmp_path / "x.pt")
