"""A run that is killed or interrupted at any moment goes on where it stopped and ends with the same bits."""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from pruneproof.contracts.numerics import NUMERICS
from pruneproof.pipeline.numerics import obstacle

KILLS = int(os.environ.get("PRUNEPROOF_KILLS", "4"))

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are looked up in /proc")


WAYS = [("--workers", "1"), ("--workers", "2")]
if not obstacle(NUMERICS["portable"], "cpu"):
    WAYS.append(("--workers", "1", "--numerics", "portable"))  # stages run in a child
RUN = ("run", "tiny", "--quiet", "--seeds", "7,", "--device", "cpu")


@pytest.fixture
def longer(tiny):
    """Train for more epochs, so that there are moments to die in."""
    text = (tiny / "runs.toml").read_text()
    (tiny / "runs.toml").write_text(
        text.replace("epochs = 3", "epochs = 20").replace("epochs = 2\nb", "epochs = 10\nb")
    )
    return tiny


def members(session):
    """Return the processes of a session that are alive."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, number = stat.read_text().rpartition(")")[2].split()[:4]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(number) == session and state != "Z":
            found.append(int(stat.parent.name))
    return found


def wait_until(condition, process, seconds=60.0):
    """Wait for a condition or for the end of a process, whichever comes first."""
    end = time.monotonic() + seconds
    while not condition() and process.poll() is None:
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.005)


def at_work(store):
    return any((store / "partial").glob("*/"))


def importing(session):
    """Say whether a worker of a session has begun to load torch."""
    workers = (Path("/proc") / str(number) / "maps" for number in members(session) if number != session)
    try:
        return any("torch" in path.read_text() for path in workers)
    except (FileNotFoundError, ProcessLookupError):
        return False


def survivors(session, seconds=10.0):
    end = time.monotonic() + seconds
    while members(session) and time.monotonic() < end:
        time.sleep(0.05)
    return members(session)


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_ends_with_the_same_bits(longer, replay, spawn, outputs, folders):
    store = folders / "store"
    finished = 0
    for number in range(KILLS):
        process = spawn(*RUN, *WAYS[number % len(WAYS)], "--store", store)
        delay = random.uniform(0.0, 0.7)
        wait_until(lambda: at_work(store), process)
        time.sleep(delay)
        process.kill()
        process.wait()
        assert survivors(process.pid) == [], f"workers outlived a run that was killed {delay:.3f} s into its work"
        kept = len(outputs(store))  # also checks that every finished stage is whole
        assert kept >= finished
        finished = kept
    for numerics in {way[3] if len(way) > 2 else "native" for way in WAYS}:
        replay(store=store, seeds=(7,), numerics=numerics)
        replay(store=folders / "undisturbed", seeds=(7,), numerics=numerics)
    assert outputs(store) == outputs(folders / "undisturbed")


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS[1:], ids=" ".join)
@pytest.mark.parametrize("moment", ["while workers import", "at work"])
def test_an_interrupt_ends_with_one_line_and_130_and_the_run_goes_on_later(
    longer, replay, spawn, outputs, folders, moment, way
):
    store = folders / "store"
    process = spawn(*RUN, *way, "--store", store)
    if moment == "at work":
        wait_until(lambda: at_work(store), process)
    else:
        wait_until(lambda: importing(process.pid), process)
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C in a terminal does
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == ""
    assert err.splitlines() == ["repro: interrupted. What was finished is kept; run the same command again to go on."]
    assert survivors(process.pid) == []
    kept = outputs(store)
    replay(store=store, seeds=(7,), numerics=way[3] if len(way) > 2 else None)
    assert outputs(store).items() >= kept.items()
    assert not at_work(store)
