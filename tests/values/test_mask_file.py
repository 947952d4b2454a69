import json
import struct
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pruneproof.errors import BadTensor, StoreCorrupt
from pruneproof.values.digests import digest_bytes
from pruneproof.values.masks import MaskSet

HALF = MaskSet.from_arrays(
    {"a.weight": np.random.default_rng(0).random((13, 7)) < 0.5, "b": np.ones(3, bool), "c": np.ones((0, 2), bool)}
)


@pytest.fixture
def path(tmp_path):
    """A sound mask file."""
    HALF.save(tmp_path / "mask.safetensors")
    return tmp_path / "mask.safetensors"


def refused(path):
    """Check that a file is refused with one of our errors, both ways of reading."""
    for mapped in (False, True):
        with pytest.raises(StoreCorrupt, match="Make it anew"):
            MaskSet.load(path, mapped=mapped)


def write(path, header, content=b""):
    """Write a safetensors file of a given header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content)


def header_of(path):
    """Return the header of a safetensors file, and what follows it."""
    whole = path.read_bytes()
    length = struct.unpack("<Q", whole[:8])[0]
    return json.loads(whole[8 : 8 + length]), whole[8 + length :]


def facts_of(path):
    """Return the metadata of a mask file."""
    return json.loads(header_of(path)[0]["__metadata__"]["mask"])


def with_facts(path, facts):
    """Write the sound file again with other facts."""
    header, content = header_of(path)
    old = json.loads(header["__metadata__"]["mask"])
    new = facts if isinstance(facts, str) else json.dumps({**old, **facts} if isinstance(facts, dict) else facts)
    header["__metadata__"]["mask"] = new
    write(path, header, content)


def test_a_mapped_mask_reads_the_file_and_nothing_can_write_to_it(path):
    masks = MaskSet.load(path, mapped=True)
    assert masks == HALF == MaskSet.load(path)
    with pytest.raises(ValueError, match="read-only"):
        masks.packed("b")[0] = 0


def test_a_mapped_mask_outlives_the_replacement_of_its_file(path):
    masks = MaskSet.load(path, mapped=True)
    (masks - masks).save(path)
    assert masks == HALF
    assert MaskSet.load(path).count() == 0


def test_the_parent_is_kept_and_does_not_change_the_digest(path, tmp_path):
    child = (HALF & HALF).with_parent(MaskSet.dense(HALF.shapes))
    assert child.digest() == HALF.digest()
    child.save(tmp_path / "child")
    loaded = MaskSet.load(tmp_path / "child")
    assert loaded == HALF
    assert loaded.parent == MaskSet.dense(HALF.shapes).digest()
    assert MaskSet.load(path).parent is None
    assert (child & HALF).parent is None


def test_digest_and_unsealed_file_are_those_of_the_first_release(tmp_path):
    from safetensors.numpy import save

    masks = MaskSet.from_arrays({"w": np.array([[1, 0], [1, 1], [0, 0]], bool)})
    assert masks.digest() == "554132e02bef313241bef3902ee8f5580949b92a48daeb3247edfb63747863bb"
    masks.save(tmp_path / "mask", sealed=False)
    facts = f'{{"digest":"{masks.digest()}","format":"pruneproof-mask/1","shapes":{{"w":[3,2]}},"threshold":null}}'
    assert (tmp_path / "mask").read_bytes() == save({"w": np.array([0b1101], np.uint8)}, metadata={"mask": facts})
    assert MaskSet.load(tmp_path / "mask") == masks


def test_the_seal_is_the_digest_of_digest_threshold_and_parent_in_canonical_json(tmp_path):
    child = MaskSet.from_arrays({"w": np.ones(3, bool)}, threshold=0.75).with_parent(HALF)
    child.save(tmp_path / "mask")
    seal = facts_of(tmp_path / "mask")["seal"]
    text = f'{{"digest":"{child.digest()}","parent":"{HALF.digest()}","threshold":"0x1.8000000000000p-1"}}'
    assert seal == digest_bytes(text.encode())


OTHERS = {"threshold": ["0x1p-1", None], "parent": ["0" * 64, None], "seal": ["0" * 64, "", None]}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in OTHERS.items() for value in values])
def test_a_threshold_parent_or_seal_that_was_edited_is_refused(tmp_path, key, value):
    child = MaskSet.from_arrays({"w": np.ones(3, bool)}, threshold=0.75).with_parent(HALF)
    child.save(tmp_path / "mask")
    with_facts(tmp_path / "mask", {key: value})
    refused(tmp_path / "mask")


def test_a_threshold_or_parent_that_was_added_is_refused(tmp_path):
    for key in ("threshold", "parent"):
        HALF.save(tmp_path / "mask")
        with_facts(tmp_path / "mask", {key: OTHERS[key][0]})
        refused(tmp_path / "mask")


def test_a_parent_that_was_taken_out_is_refused_and_the_refusal_says_what_is_wrong(tmp_path):
    HALF.with_parent(HALF).save(tmp_path / "mask")
    facts = facts_of(tmp_path / "mask")
    del facts["parent"]
    with_facts(tmp_path / "mask", json.dumps(facts))
    refused(tmp_path / "mask")
    with pytest.raises(
        StoreCorrupt, match=r"the threshold or the parent in mask file .* is not what was written there"
    ):
        MaskSet.load(tmp_path / "mask")


def test_a_parent_that_is_no_digest_is_refused():
    with pytest.raises(BadTensor, match="64 hexadecimal digits"):
        MaskSet({}, {}, parent="the other one")


@pytest.mark.parametrize("shape", [(-1, -3), (3.0,), (True,), ("3",), (2**40, 2**40), (0, 2**70), (1,) * 65])
def test_shapes_that_are_none_are_refused(shape):
    with pytest.raises(BadTensor, match='mask "w" has'):
        MaskSet({"w": np.zeros(1, np.uint8)}, {"w": shape})


def test_names_that_are_no_text_are_refused():
    with pytest.raises(BadTensor, match="UTF-8"):
        MaskSet({"\ud800": np.zeros(1, np.uint8)}, {"\ud800": (3,)})


def test_a_folder_that_is_not_there_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="absent"):
        HALF.save(tmp_path / "absent" / "mask")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sixteenth", range(16))
def test_truncated_files_are_refused(path, sixteenth):
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * sixteenth // 16])
    refused(path)


def test_a_file_with_something_behind_it_is_refused(path):
    path.write_bytes(path.read_bytes() + b"\0")
    refused(path)


def test_a_flipped_bit_is_noticed_or_changes_nothing_that_is_read(path):
    child = MaskSet.from_arrays({"a.weight": HALF.array("a.weight")}, threshold=0.3).with_parent(HALF)
    child.save(path)
    whole = path.read_bytes()
    for place in range(0, 8 * len(whole), 3):  # each bit of eight bytes in turn
        flipped = bytearray(whole)
        flipped[place // 8] ^= 1 << place % 8
        path.write_bytes(flipped)
        try:
            loaded = MaskSet.load(path, mapped=place % 2 == 0)
        except StoreCorrupt:
            continue
        assert (loaded, loaded.threshold, loaded.parent) == (child, child.threshold, child.parent)  # JSON has synonyms


@given(st.binary(max_size=300))
@settings(max_examples=300)
def test_noise_is_refused(tmp_path_factory, noise):
    path = tmp_path_factory.mktemp("noise") / "mask"
    path.write_bytes(noise)
    refused(path)
    write(path, noise)
    refused(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a.weight", "b", "c", "x"]), inner),
    max_leaves=6,
)


@given(st.sampled_from(["format", "shapes", "digest", "threshold", "parent", "seal", None]), JSON)
@settings(max_examples=300)
def test_facts_of_any_other_kind_are_refused(tmp_path_factory, key, value):
    path = tmp_path_factory.mktemp("facts") / "mask"
    HALF.save(path)
    with_facts(path, {key: value} if key else value)
    if (key in ("threshold", "parent") and value is None) or (key is None and isinstance(value, dict)):
        assert MaskSet.load(path) == HALF
    else:
        refused(path)


@pytest.mark.parametrize(
    "shapes",
    [
        {"a.weight": [-13, -7], "b": [3], "c": [0, 2]},
        {"a.weight": [91], "b": [3], "c": [0, 2]},
        {"a.weight": [13, 7], "b": [3], "c": [0, 10**30]},
        {"a.weight": [2**32, 2**32 + 1], "b": [3], "c": [0, 2]},
        {"a.weight": [10**4000] * 60, "b": [3], "c": [0, 2]},
        {"a.weight": [1] * 10_000, "b": [3], "c": [0, 2]},
        {"a.weight": [13, 7], "b": [3]},
        {"a.weight": [13, 7], "b": [3], "c": [0, 2], "d": [0]},
    ],
)
def test_hostile_shapes_are_refused(path, shapes):
    with_facts(path, {"shapes": shapes})
    refused(path)


def test_a_name_twice_in_the_facts_is_refused(path):
    shapes = '{"a.weight":[13,7],"b":[3],"c":[0,2],"c":[0,2]}'
    with_facts(path, f'{{"format":"pruneproof-mask/1","shapes":{shapes},"threshold":null,"digest":"{HALF.digest()}"}}')
    refused(path)


def test_facts_nested_without_end_are_refused(path):
    with_facts(path, "[" * 100_000)
    refused(path)
    HALF.save(path)
    with_facts(path, '{"format":' * 100_000)
    refused(path)


ENTRY = {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}


@pytest.mark.parametrize(
    "header",
    [
        b'{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
        {"w": {**ENTRY, "data_offsets": [0, 2**60]}},
        {"w": {**ENTRY, "data_offsets": [2**63, 2**64 - 1]}},
        {"w": {**ENTRY, "data_offsets": [1, 0]}},
        {"w": {**ENTRY, "data_offsets": [-1, 0]}},
        {"w": {**ENTRY, "shape": [-1]}},
        {"w": {**ENTRY, "shape": [2**32, 2**32]}},
        {"w": {**ENTRY, "shape": [2**63, 2, 0]}},
        {"w": ENTRY, "v": ENTRY},
        {"w": {**ENTRY, "dtype": "F4"}},
        {"w": {**ENTRY, "dtype": "I8"}},
        {"w": {**ENTRY, "shape": [1, 1]}},
        {"w": None},
        [],
        b"{" * 5000,
        b"\xff\xfe{}",
    ],
    ids=str,
)
def test_hostile_headers_are_refused(path, header):
    facts = {"format": "pruneproof-mask/1", "shapes": {"w": [8]}, "threshold": None, "digest": "0" * 64}
    if isinstance(header, dict):
        header = {"__metadata__": {"mask": json.dumps(facts)}, **header}
    write(path, header, b"\1")
    refused(path)


@pytest.mark.parametrize("length", [0, 1, 2**31, 2**40, 2**63, 2**64 - 1])
def test_a_header_of_hostile_length_is_refused(path, length):
    path.write_bytes(struct.pack("<Q", length) + path.read_bytes()[8:])
    refused(path)


def test_a_hostile_file_takes_no_memory(path, tmp_path):
    # 2^43 weights would be a tebibyte; the reader has little more than what Python and its libraries take.
    header = {"w": {"dtype": "U8", "shape": [2**40], "data_offsets": [0, 2**40]}}
    facts = {"format": "pruneproof-mask/1", "shapes": {"w": [2**43]}, "threshold": None, "digest": "0" * 64}
    write(path, {"__metadata__": {"mask": json.dumps(facts)}, **header})
    with path.open("r+b") as file:
        file.seek(2**20)
        file.write(b"\0")
    program = (
        "import sys, resource\n"
        "from pathlib import Path\n"
        "from pruneproof.errors import StoreCorrupt\n"
        "from pruneproof.values.masks import MaskSet\n"
        "import safetensors.numpy\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n    MaskSet.load(Path(sys.argv[1]))\n"
        "except StoreCorrupt:\n    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    grown = subprocess.run(
        [sys.executable, "-c", program, path], capture_output=True, text=True, timeout=60, check=True
    )
    assert int(grown.stdout) < 8 * 1024, "more than eight MiB for a file of one"
