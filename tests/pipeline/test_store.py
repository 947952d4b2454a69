import os
import subprocess
import sys

import pytest

from pruneproof.errors import StoreCorrupt, StoreUnwritable
from pruneproof.pipeline.store import Store

DIGEST = "ab" + "0" * 62
FACTS = {"kind": "train"}


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "store")
    made.prepare()
    return made


def finish(store, digest=DIGEST, **files):
    with store.claim(digest) as draft:
        for name, content in files.items():
            (draft / name).write_text(content)
        return store.commit(digest, draft, list(files), FACTS, 1.25)


def test_a_finished_stage_is_found_with_its_files_and_seconds(store):
    assert store.finished(DIGEST) is None
    made = finish(store, first="1", second='{"two": 2}')
    found = store.finished(DIGEST)
    assert found == made
    assert found.seconds == 1.25
    assert found.file("first").read_text() == "1"
    assert found.json("second") == {"two": 2}
    assert store.expect(DIGEST) == found


def test_another_process_sees_the_same_store(store):
    finish(store, first="1")
    assert Store(store.root).expect(DIGEST).file("first").read_text() == "1"


def test_nothing_appears_before_everything_is_there(store):
    with store.claim(DIGEST) as draft:
        (draft / "first").write_text("1")
        assert store.finished(DIGEST) is None
        with pytest.raises(StoreUnwritable, match="cannot be written"):
            store.commit(DIGEST, draft, ["first", "never-written"], FACTS, 1.0)
        assert store.finished(DIGEST) is None


def test_partial_work_survives_for_the_next_claim(store):
    with store.claim(DIGEST) as draft:
        (draft / "half").write_text("done so far")
    with store.claim(DIGEST) as draft:
        assert (draft / "half").read_text() == "done so far"


def test_what_is_no_output_does_not_become_part_of_the_stage(store):
    with store.claim(DIGEST) as draft:
        (draft / "first").write_text("1")
        (draft / "scratch").write_text("2")
        made = store.commit(DIGEST, draft, ["first"], FACTS, 1.0)
    assert sorted(each.name for each in made.folder.iterdir()) == ["first", "manifest.json"]
    assert list((store.root / "partial").iterdir()) == []


def test_a_claim_of_a_finished_stage_gives_nothing_to_do(store):
    finish(store, first="1")
    with store.claim(DIGEST) as draft:
        assert draft is None


@pytest.mark.parametrize("change", ["altered", "truncated", "removed"])
def test_an_output_that_is_not_what_was_written_is_corrupt_and_the_folder_is_named(store, change):
    path = finish(store, first="content").folder / "first"
    if change == "removed":
        path.unlink()
    else:
        path.write_text("c0ntent" if change == "altered" else "cont")
    with pytest.raises(StoreCorrupt, match="is not what was written") as caught:
        store.expect(DIGEST).file("first")
    assert f"Delete the folder {path.parent}" in str(caught.value)


def test_a_file_that_was_never_an_output_is_corrupt(store):
    made = finish(store, first="1")
    (made.folder / "smuggled").write_text("2")
    with pytest.raises(StoreCorrupt, match="smuggled"):
        made.file("smuggled")


@pytest.mark.parametrize(
    "manifest", [None, "", "{", "[]", "{}", '{"outputs": 3, "seconds": 1}', '{"outputs": {}, "seconds": "x"}']
)
def test_an_entry_without_a_readable_manifest_is_corrupt_and_named(store, manifest):
    path = finish(store, first="1").folder / "manifest.json"
    path.unlink() if manifest is None else path.write_text(manifest)
    with pytest.raises(StoreCorrupt, match=str(path.parent)):
        store.finished(DIGEST)


def test_a_lost_stage_is_corrupt(store):
    with pytest.raises(StoreCorrupt, match=DIGEST):
        store.expect(DIGEST)


@pytest.mark.parametrize("below", ["", "deeper/still"])
def test_a_root_that_cannot_be_made_is_unwritable(tmp_path, below):
    (tmp_path / "file").write_text("in the way")
    root = tmp_path / "file" / below if below else tmp_path / "file"
    with pytest.raises(StoreUnwritable, match=f"the store {root} cannot be written") as caught:
        Store(root).prepare()
    assert "--store" in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_root_without_permission_is_unwritable(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StoreUnwritable, match="Permission denied"):
        Store(tmp_path / "store").prepare()


def test_preparing_a_store_twice_keeps_what_is_in_it(store):
    finish(store, first="1")
    store.prepare()
    assert store.expect(DIGEST).file("first").read_text() == "1"


WORKER = """
import sys, time
from pathlib import Path
from pruneproof.pipeline.store import Store
store = Store(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
with store.claim(sys.argv[2]) as draft:
    if draft is None:
        print("found", store.expect(sys.argv[2]).file("result").read_text())
    else:
        time.sleep(0.2)
        (draft / "result").write_text(sys.argv[3])
        store.commit(sys.argv[2], draft, ["result"], {}, 0.2)
        print("made", sys.argv[3])
"""


def test_processes_that_claim_the_same_stage_do_the_work_once(store):
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(store.root), DIGEST, str(number)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for number in range(3)
    ]  # fmt: skip
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    said = [worker.communicate()[0].split() for worker in workers]
    assert all(worker.returncode == 0 for worker in workers)
    [winner] = [number for word, number in said if word == "made"]
    assert [number for word, number in said if word == "found"] == [winner, winner]


KILLED = """
import os, sys
from pathlib import Path
from pruneproof.pipeline.store import Store
with Store(Path(sys.argv[1])).claim(sys.argv[2]) as draft:
    (draft / "half").write_text("1")
    os.kill(os.getpid(), 9)
"""


def test_the_claim_of_a_killed_process_is_free_again(store):
    subprocess.run([sys.executable, "-c", KILLED, str(store.root), DIGEST], check=False)
    with store.claim(DIGEST) as draft:
        assert [each.name for each in draft.iterdir()] == ["half"]
