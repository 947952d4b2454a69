"""A tiny paper that runs in seconds, strangers' plugins made on the spot, and the command line in this process."""

import importlib
import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import settings

# Builds in this process import distutils; torch's compiler, loaded late, refuses it if setuptools came after it.
with suppress(ImportError):
    import setuptools  # noqa: F401

HERE = Path(__file__).parent
TINY_PLUGIN = """
    from pathlib import Path
    from pruneproof.api import Fact, Mechanism, hookimpl

    def adds_up(*, left: int = 1):
        return [Fact(f"{left} + {left}", str(2 * left), str(left + left), True)]

    @hookimpl
    def pruneproof_papers():
        return [Path(__file__).parent / "tiny_paper"]

    @hookimpl
    def pruneproof_mechanisms():
        return [Mechanism("adds-up", adds_up, "arithmetic")]
"""

EXAMPLES = 100_000 if os.environ.get("PRUNEPROOF_SLOW") else 50
settings.register_profile("pruneproof", max_examples=EXAMPLES, deadline=None)  # a busy machine is no failure
settings.load_profile("pruneproof")


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    os.environ["OMP_NUM_THREADS"] = "1"  # also for the processes that tests start
    import torch

    torch.set_num_threads(1)


@pytest.fixture
def site(tmp_path, monkeypatch):
    """An empty folder of installed packages that this process, its workers and its subprocesses see."""
    folder = tmp_path / "site"
    folder.mkdir()
    before = set(sys.modules)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")])))
    yield folder
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]


@pytest.fixture
def install(site):
    """Install a stranger's plugin as pip would leave it: (entry point name, source of its module) -> module file."""

    def plant(name, source, *, distribution="", version="1.0"):
        distribution = distribution or name
        module = "stranger_" + name.replace("-", "_")
        file = site / f"{module}.py"
        file.write_text(dedent(source), encoding="utf-8")
        facts = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (facts / "entry_points.txt").write_text(f"[pruneproof]\n{name} = {module}\n")
        importlib.invalidate_caches()
        return file

    return plant


@pytest.fixture
def pip(site, monkeypatch):
    """Let pip install without a network, beside this environment rather than into it."""
    for package in ("pip", "setuptools"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed, so no package can be built")
    monkeypatch.setenv("PIP_TARGET", str(site))
    monkeypatch.setenv("PIP_NO_DEPS", "1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_NO_BUILD_ISOLATION", "0")  # pip reads this one the other way round


@pytest.fixture
def tiny(install):
    """Install the tiny paper as a stranger's plugin and return its folder, which a test may edit."""
    file = install("tiny-paper", TINY_PLUGIN, version="2.5")
    folder = file.parent / "tiny_paper"
    shutil.copytree(HERE / "tiny_paper", folder)
    return folder


@pytest.fixture
def ask(tiny, tmp_path):
    """Make a request for the tiny paper, in this test's own store."""

    from pruneproof.pipeline.prepare import Request

    def make(**changes):
        plain = {"paper": "tiny", "store": tmp_path / "store", "data": tmp_path / "data", "device": "cpu"}
        return Request(**plain | changes)

    return make


@pytest.fixture
def replay(ask):
    """Run the tiny paper in this process: changes of the request -> record, with what happened in `replay.events`."""

    from pruneproof.pipeline.prepare import prepare
    from pruneproof.pipeline.run import run_paper

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


@dataclass(frozen=True)
class Answer:
    """What a command said."""

    status: int
    out: str
    err: str

    @property
    def json(self):
        assert self.out, f"status {self.status}, and nothing but: {self.err}"
        return json.loads(self.out)


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Point the store and the data folder into this test's own folder."""
    monkeypatch.setenv("PRUNEPROOF_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("PRUNEPROOF_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PRUNEPROOF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


@pytest.fixture
def repro(folders, capfd):
    """Run a command line in this process: arguments -> status, stdout, stderr. No refusal may show a traceback."""

    def run(*arguments):
        from pruneproof.cli import execute

        capfd.readouterr()
        status = execute([str(each) for each in arguments])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return Answer(status, out, err)

    return run


@pytest.fixture
def spawn(folders):
    """Start a command line as a process in a group of its own: arguments -> Popen."""
    started = []

    def start(*arguments, **options):
        code = "from pruneproof.cli import main; main()"
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            **options,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()
