"""A store that was damaged or forged is refused with the folder to delete, and nothing is written outside of it."""

import json
import os

import pytest

from pruneproof.errors import StoreCorrupt, StoreUnwritable
from pruneproof.pipeline.store import Store
from pruneproof.values.digests import digest_file

DIGEST = "ab" + "0" * 62
GOOD = {"outputs": {}, "seconds": 1.0, "stage": {"kind": "train"}}


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "store")
    made.prepare()
    return made


@pytest.fixture
def entry(store):
    folder = store.root / "stages" / "ab" / DIGEST
    folder.mkdir(parents=True)
    return folder


FORGED = {
    "huge seconds": json.dumps(GOOD).replace("1.0", "1" + "0" * 400),
    "infinite seconds": json.dumps(GOOD).replace("1.0", "1e999"),
    "no seconds": json.dumps(GOOD).replace("1.0", "NaN"),
    "negative seconds": json.dumps({**GOOD, "seconds": -1.0}),
    "true seconds": json.dumps({**GOOD, "seconds": True}),
    "text for outputs": json.dumps({**GOOD, "outputs": "weights"}),
    "an output outside": json.dumps({**GOOD, "outputs": {"../../x": "0" * 64}}),
    "a digest that is none": json.dumps({**GOOD, "outputs": {"x": 3}}),
    "no stage": json.dumps({**GOOD, "stage": None}),
    "nested": '{"outputs":' + "[" * 100_000,
    "not UTF-8": "\udcff",
}


@pytest.mark.parametrize("text", FORGED.values(), ids=FORGED)
def test_a_forged_manifest_is_corrupt_and_its_folder_named(store, entry, text):
    (entry / "manifest.json").write_bytes(text.encode(errors="surrogateescape"))
    for ask in (lambda: store.finished(DIGEST), store.stages, lambda: store.check([DIGEST[:32]])):
        with pytest.raises(StoreCorrupt, match=str(entry)):
            ask()


@pytest.mark.parametrize("place", ["manifest.json", "x"])
@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "link"])
def test_what_is_no_file_of_the_store_is_corrupt_and_not_waited_for(store, entry, tmp_path, place, kind):
    (tmp_path / "real").write_text("{}" if place == "x" else json.dumps(GOOD))
    if place == "x":
        outputs = {"x": digest_file(tmp_path / "real")}
        (entry / "manifest.json").write_text(json.dumps({**GOOD, "outputs": outputs}))
    make = {
        "pipe": os.mkfifo,
        "folder": os.mkdir,
        "device": lambda path: path.symlink_to("/dev/zero"),
        "link": lambda path: path.symlink_to(tmp_path / "real"),
    }
    make[kind](entry / place)
    with pytest.raises(StoreCorrupt, match=str(entry)):
        store.expect(DIGEST).json("x")


def test_an_entry_that_is_a_link_is_corrupt(store, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "manifest.json").write_text(json.dumps(GOOD))
    (store.root / "stages" / "ab").mkdir()
    (store.root / "stages" / "ab" / DIGEST).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreCorrupt, match="symbolic link"):
        store.finished(DIGEST)


@pytest.mark.parametrize("place", [f"locks/{DIGEST}.lock", f"partial/{DIGEST}"])
@pytest.mark.parametrize("kind", ["other", "link"])
def test_a_lock_or_a_work_folder_that_is_none_is_refused_by_name(store, tmp_path, place, kind):
    path = store.root / place
    (tmp_path / "elsewhere").mkdir()
    if kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    elif place.startswith("locks"):
        path.mkdir()
    else:
        path.write_text("in the way")
    with pytest.raises(StoreUnwritable, match=DIGEST), store.claim(DIGEST):
        pytest.fail("the work began")


@pytest.mark.parametrize("name", ["stages", "partial", "locks", "reports"])
def test_a_folder_of_the_store_that_is_a_link_is_refused(tmp_path, name):
    (tmp_path / "store").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "store" / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreUnwritable, match="symbolic link"):
        Store(tmp_path / "store").prepare()


def forge(root, change):
    """Change a measurement of a store together with the digest that its manifest has of it."""
    [path, *_] = sorted((root / "stages").rglob("measurement.json"))
    path.write_text(change(path.read_text()))
    manifest = path.with_name("manifest.json")
    content = json.loads(manifest.read_text())
    content["outputs"]["measurement.json"] = digest_file(path)
    manifest.write_text(json.dumps(content))
    return path.parent


def test_forged_measurements_and_damaged_manifests_are_told_by_every_verb(tiny, repro, folders):
    part = ("run", "tiny", "--only", "mlp/dense", "--quiet", "--device", "cpu", "--workers", 1)
    whole = ("report", "tiny")
    assert repro(*part).status == 2
    good = None
    for change in (
        lambda text: "null",
        lambda text: '["text"]',
        lambda text: "[" * 100_000,
        lambda text: text.replace("accuracy", "other"),
        lambda text: json.dumps(dict.fromkeys(json.loads(text), "text")),
        lambda text: json.dumps({name: {"a": 1.0} for name in json.loads(text)}),
    ):
        [path, *_] = sorted((folders / "store" / "stages").rglob("measurement.json"))
        good = good or path.read_text()
        path.write_text(good)
        folder = forge(folders / "store", change)
        found = repro(*part)
        assert (found.status, str(folder) in found.err) == (74, True), found.err
    (folder / "manifest.json").write_text("{")
    [record] = (folders / "store" / "reports" / "tiny").glob("*/record.json")
    record.parent.rename(record.parent.with_name("mini"))
    for arguments in (("list",), ("list", "--json"), whole):
        found = repro(*arguments)
        assert (found.status, str(folder) in found.err) == (74, True), found.err


def test_figures_are_not_written_through_a_link(tiny, repro, folders):
    part = ("run", "tiny", "--only", "arithmetic", "--quiet", "--device", "cpu")
    repro(*part)
    [figures] = (folders / "store" / "reports" / "tiny").glob("*/figures")
    (folders / "elsewhere").mkdir()
    (folders / "elsewhere" / "mine.svg").write_text("mine")
    for each in figures.iterdir():
        each.unlink()
    figures.rmdir()
    figures.symlink_to(folders / "elsewhere")
    found = repro(*part)
    assert (found.status, str(figures) in found.err) == (73, True)
    assert [each.name for each in (folders / "elsewhere").iterdir()] == ["mine.svg"]
