import pytest

from pruneproof.pipeline.run import Request, prepare, run_paper


@pytest.fixture
def ask(tiny, tmp_path):
    """Make a request for the tiny paper, in this test's own store."""

    def make(**changes):
        plain = {"paper": "tiny", "store": tmp_path / "store", "data": tmp_path / "data", "device": "cpu"}
        return Request(**plain | changes)

    return make


@pytest.fixture
def replay(ask):
    """Run the tiny paper in this process: changes of the request -> record, with what happened in `replay.events`."""

    def run(**changes):
        run.events = []
        return run_paper(prepare(ask(**changes), fetch=False), run.events.append)

    return run


@pytest.fixture
def outputs():
    """Return what a store holds: stage digest -> file -> digest."""
    from pruneproof.pipeline.store import Store

    def read(root):
        folders = list((root / "stages").glob("*/*"))
        return {folder.name: Store(root).expect(folder.name).outputs for folder in folders}

    return read
