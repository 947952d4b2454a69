import os
from pathlib import Path

from pruneproof.runs import places
from pruneproof.runs.places import data_path, default_workers, store_path


def test_a_folder_that_is_given_is_used_whatever_its_form(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for path in (store_path, data_path):
        assert path("~/here") == path("here") == path(Path("here")) == tmp_path / "here"
        assert path(None).is_absolute()
    assert store_path(None).name == "store"


def test_as_many_workers_as_asked_whatever_the_machine_has():
    assert default_workers("cpu", 500) == 500


def test_workers_are_as_many_as_cores_where_memory_allows_and_at_least_one(monkeypatch):
    monkeypatch.setattr(places, "WORKER_BYTES", 1)
    assert default_workers("cpu", None) == len(os.sched_getaffinity(0))
    monkeypatch.setattr(places, "WORKER_BYTES", 10**18)
    assert default_workers("cpu", None) == 1
