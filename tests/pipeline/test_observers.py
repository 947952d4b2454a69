"""Observers hear all of a run and can spoil none of it; an executor only decides where stages run."""

import json

import pytest

from pruneproof.errors import BadPlugin, UnknownName
from pruneproof.papers.record import Record

FAST = ("--device", "cpu", "--workers", 1, "--only", "mlp/global", "--seeds", 1)
LISTENER = """
    import json
    from contextlib import contextmanager
    from pruneproof.api import Observer, hookimpl

    class Session:
        def __init__(self, run):
            self.path = run.folder / "listener.jsonl"
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.say("open", run.paper, run.profile, list(run.variant), len(run.stages))

        def say(self, *what):
            with self.path.open("a") as file:
                file.write(json.dumps(what) + chr(10))

        def on_event(self, event):
            self.say(event.kind, event.digest, event.done, event.total)

        def on_measurement(self, measured):
            self.say("measured", measured.method, measured.sparsity, measured.at, dict(measured.measurement),
                     len(measured.history["watched"]["accuracy"]))

        def on_record(self, record):
            self.say("record", len(record["cells"]))

    @contextmanager
    def listen(run):
        session = Session(run)
        try:
            yield session
        finally:
            session.say("closed")

    @hookimpl
    def pruneproof_observers():
        return [Observer("listener", listen, "writes down what it hears")]
"""
BAD = """
    from contextlib import contextmanager
    from pruneproof.api import Observer, hookimpl

    class Session:
        closed = []
        def on_event(self, event): ...
        def on_measurement(self, measured): ...
        def on_record(self, record): ...

    def {place}(self, heard):
        raise {problem}

    if "{place}".startswith("on_"):
        Session.{place} = {place}

    @contextmanager
    def listen(run):
        if "{place}" == "enter":
            raise {problem}
        try:
            yield Session()
        finally:
            print("closed")
        if "{place}" == "leave":
            raise {problem}

    @hookimpl
    def pruneproof_observers():
        return [Observer("spoiler", listen, "raises")]
"""


def heard(folder):
    [path] = folder.rglob("listener.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_an_observer_hears_start_progress_finish_each_measurement_once_and_the_record(tiny, install, repro, folders):
    install("listening", LISTENER)
    found = repro("run", "tiny", "--observe", "listener", *FAST, "--json")
    assert found.status in (0, 1, 2)
    assert found.err == ""
    lines = heard(folders / "store")
    kinds = [line[0] for line in lines]
    assert (kinds[0], kinds[-2:], kinds.count("open")) == ("open", ["record", "closed"], 1)
    record = Record.model_validate(found.json)
    assert kinds.count("start") == kinds.count("finish") == len(record.stages)
    measured = [line for line in lines if line[0] == "measured"]
    cells = [
        ["measured", cell.method, cell.sparsity, at, dict(values)]
        for cell in record.cells
        for at, values in cell.measured.items()
    ]
    assert sorted(map(str, (line[:5] for line in measured))) == sorted(map(str, cells))
    assert all(line[5] > 0 for line in measured)


def test_measurements_that_are_in_the_store_are_heard_too(tiny, install, repro, folders):
    install("listening", LISTENER)
    first = repro("run", "tiny", *FAST, "--json").json
    repro("run", "tiny", "--observe", "listener", *FAST, "--json")
    lines = heard(folders / "store")
    assert [line[0] for line in lines].count("measured") == sum(len(cell["measured"]) for cell in first["cells"])
    assert [line[0] for line in lines].count("start") == 0


def test_the_plugin_of_an_observer_is_listed_as_a_tool_and_takes_no_verdict_away(tiny, install, repro, folders):
    install("listening", LISTENER)
    found = repro("run", "tiny", "--observe", "listener", "--only", "arithmetic", "--device", "cpu", "--json").json
    assert [claim["verdict"] for claim in found["claims"] if claim["id"] == "arithmetic"] == ["holds"]
    roles = {plugin["name"]: plugin["role"] for plugin in found["plugins"]}
    assert roles == {"builtin": "paper", "tiny-paper": "paper", "listening": "tool"}
    assert all(plugin["origin"] and len(plugin["digest"]) == 64 for plugin in found["plugins"])


@pytest.mark.parametrize("place", ["enter", "on_event", "on_measurement", "on_record", "leave"])
@pytest.mark.parametrize("problem", ["ValueError('no good')", "SystemExit(3)"])
def test_an_observer_that_raises_is_named_once_and_spoils_nothing(tiny, install, repro, folders, place, problem):
    install("spoiling", BAD.format(place=place, problem=problem))
    install("listening", LISTENER)
    arguments = ("run", "tiny", "--only", "arithmetic", "--only", "mlp/dense", "--seeds", 1, "--device", "cpu")
    plain = repro(*arguments, "--workers", 1, "--store", folders / "plain", "--json")
    found = repro(*arguments, "--workers", 1, "--observe", "spoiler", "--observe", "listener", "-q")
    assert found.status == plain.status
    assert found.err.count('observer "spoiler"') == 1
    assert problem.partition("(")[0] in found.err
    assert "the run and its record are not affected" in found.err
    assert "record: " in found.out
    assert found.err.count("closed") == (0 if place == "enter" else 1)


def test_an_observer_that_nobody_registers_is_refused_before_any_work(tiny, install, repro, folders):
    install("listening", LISTENER)
    found = repro("run", "tiny", "--observe", "listner", *FAST)
    assert (found.status, 'Nearest: "listener"' in found.err) == (64, True)
    assert not (folders / "store").exists()


EXECUTOR = """
    from pruneproof.api import Event, Executor, hookimpl

    def plain(stages, spec, *, workers, on_event):
        worker = spec.open()
        for stage in stages[:{until}]:
            on_event(Event("start", stage.digest))
            worker.run(stage)
            on_event(Event("finish", stage.digest))

    @hookimpl
    def pruneproof_executors():
        return [Executor("plain", plain, "one after the other")]
"""


def test_another_executor_makes_the_same_bits_and_keeps_the_verdicts(tiny, install, repro, folders):
    install("running", EXECUTOR.format(until="None"))
    mine = repro("run", "tiny", "--executor", "plain", *FAST, "--json").json
    local = repro("run", "tiny", "--executor", "local", *FAST, "--store", folders / "other", "--json").json
    assert [stage["outputs"] for stage in mine["stages"]] == [stage["outputs"] for stage in local["stages"]]
    assert [plugin["role"] for plugin in mine["plugins"]] == ["paper", "paper", "tool"]
    assert mine["plan"] == local["plan"]


def test_an_executor_that_leaves_stages_out_is_caught_by_name(tiny, install, replay):
    install("running", EXECUTOR.format(until="-1"))
    with pytest.raises(BadPlugin, match=r'executor "plain" .*returned before 1 stages'):
        replay(executor="plain", only=("mlp/dense",), seeds=(0,))


def test_an_executor_that_nobody_registers_is_refused(tiny, ask, replay):
    with pytest.raises(UnknownName, match='executor "locl"'):
        replay(executor="locl")
