"""Groups of real processes over gloo, started once and asked many times."""

import pickle
import subprocess
import sys
import threading
from pathlib import Path

import pytest

RANK = Path(__file__).with_name("rank.py")


class Ranks:
    """Processes that answer calls; the first `part` of them make up the group of a call."""

    def __init__(self, size, folder):
        """Start `size` processes that meet through a file in `folder`."""
        self.processes = [
            subprocess.Popen(
                [sys.executable, RANK, str(rank), str(size), str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            for rank in range(size)
        ]

    def call(self, name, shards, *, names=None, seconds=60, **asked):
        """Return each rank's answer; `shards` has one list per rank, `names` a function per rank that differs."""
        part = len(shards)
        watch = threading.Timer(seconds, self.kill)  # a group that hangs fails the test instead of halting it
        watch.start()
        try:
            for rank, own in enumerate(shards):
                function = (names or {}).get(rank, name)
                arguments = ((own,), asked if function == name else {})
                pickle.dump((part, function, arguments), self.processes[rank].stdin)
                self.processes[rank].stdin.flush()
            return [self._answer(rank) for rank in range(part)]
        finally:
            watch.cancel()

    def _answer(self, rank):
        try:
            return pickle.load(self.processes[rank].stdout)
        except EOFError:
            return ("gone", f"rank {rank} ended without an answer")

    def kill(self):
        """End all processes at once."""
        for process in self.processes:
            process.kill()

    def close(self):
        """End all processes and take their leave."""
        self.kill()
        for process in self.processes:
            process.communicate()


@pytest.fixture(scope="session")
def ranks(tmp_path_factory):
    """Seven processes, of which a call takes as many as it has lists of shards."""
    group = Ranks(7, tmp_path_factory.mktemp("ranks"))
    yield group
    group.close()


@pytest.fixture
def mortal_ranks(tmp_path):
    """Three processes of which one may die."""
    group = Ranks(3, tmp_path)
    yield group
    group.close()
