from pathlib import Path

from pruneproof.runs.places import data_path, default_workers, store_path


def test_a_folder_that_is_given_is_used_whatever_its_form(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for path in (store_path, data_path):
        assert path("~/here") == path("here") == path(Path("here")) == tmp_path / "here"
        assert path(None).is_absolute()
    assert store_path(None).name == "store"


def test_workers_are_as_asked_or_a_core_each():
    assert default_workers("cpu", 3) == 3
    assert default_workers("cpu", None) >= 1
