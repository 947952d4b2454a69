import shutil

import pytest


@pytest.fixture
def tiny_run(tmp_path_factory, request):
    """Run the tiny paper once for all tests of this process: its store and what the command said."""
    found = request.config.stash.get(KEY, None)
    if found is None:
        store = tmp_path_factory.mktemp("shared") / "store"
        request.getfixturevalue("tiny")
        found = (
            store,
            request.getfixturevalue("repro")("run", "tiny", "--device", "cpu", "--workers", 1, "--store", store),
        )
        request.config.stash[KEY] = found
    return found


KEY = pytest.StashKey()


@pytest.fixture
def ran(tiny, tiny_run, folders, repro):
    """Find the tiny paper as after `repro run tiny`, and return what that said; two seeds leave one claim undecided."""
    store, said = tiny_run
    shutil.copytree(store, folders / "store")
    return type(said)(said.status, said.out.replace(str(store), str(folders / "store")), said.err)
