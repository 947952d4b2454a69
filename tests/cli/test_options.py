"""Options that several verbs share."""

import os

from pruneproof.cli import options
from pruneproof.cli.options import Device, default_workers


def test_as_many_workers_as_asked_whatever_the_machine_has():
    assert default_workers(Device.CPU, 500) == 500


def test_workers_are_as_many_as_cores_where_memory_allows_and_at_least_one(monkeypatch):
    monkeypatch.setattr(options, "WORKER_BYTES", 1)
    assert default_workers(Device.CPU, None) == len(os.sched_getaffinity(0))
    monkeypatch.setattr(options, "WORKER_BYTES", 10**18)
    assert default_workers(Device.CPU, None) == 1
