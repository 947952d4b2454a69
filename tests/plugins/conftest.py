"""Packages that `repro new` writes, within reach as if they were installed."""

import importlib
import json
import os
import tomllib

import pytest


@pytest.fixture
def new(repro, site):
    """Write a package into the folder of installed ones: kind and name -> its folder."""

    def write(kind, name):
        found = repro("new", kind, name, "--into", site, "--json")
        assert found.status == 0, found.err
        return site / json.loads(found.out)["folder"]

    return write


@pytest.fixture
def link(monkeypatch):
    """Put a package's sources on the path with the metadata that pip would write; it takes no second."""

    def put(folder):
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        facts = folder / "src" / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        facts.mkdir()
        heading = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        (facts / "METADATA").write_text(heading, encoding="utf-8")
        points = "".join(f"{name} = {target}\n" for name, target in project["entry-points"]["pruneproof"].items())
        (facts / "entry_points.txt").write_text(f"[pruneproof]\n{points}", encoding="utf-8")
        monkeypatch.syspath_prepend(folder / "src")
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder / "src"), os.environ["PYTHONPATH"]]))
        importlib.invalidate_caches()

    return put
