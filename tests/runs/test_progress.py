import re

import pytest

from pruneproof.contracts.executor import Event
from pruneproof.pipeline.prepare import prepare
from pruneproof.runs import progress
from pruneproof.runs.progress import Tally, progress_of


@pytest.fixture
def prepared(ask):
    return prepare(ask(only=("mlp/global",), seeds=(0, 1)), fetch=False)


def events(prepared):
    for digest in prepared.todo:
        yield Event("start", digest)
        yield Event("progress", digest, 1, 2)
        yield Event("finish", digest)


def test_stages_and_seeds_are_counted_and_the_rest_is_estimated(prepared):
    tally = Tally(prepared.plan, prepared.todo)
    assert tally.words == f"0/{len(prepared.todo)} stages, 0/2 seeds"
    for event in events(prepared):
        tally(event)
    assert tally.words == f"{len(prepared.todo)}/{len(prepared.todo)} stages, 2/2 seeds, about 0:00 left"
    assert tally.done == tally.work


def test_where_nothing_can_be_drawn_over_a_line_appears_once_a_minute(prepared, capsys, monkeypatch):
    for minute, lines in ((3600.0, 0), (0.0, 3 * len(prepared.todo))):
        monkeypatch.setattr(progress, "MINUTE", minute)
        with progress_of(prepared.plan, prepared.todo, quiet=False) as on_event:
            for event in events(prepared):
                on_event(event)
        said = capsys.readouterr()
        assert said.out == ""
        assert len(said.err.splitlines()) == lines
        assert all(re.match(r"\d+/\d+ stages, \d/2 seeds", line) for line in said.err.splitlines())


def test_a_terminal_gets_bars(prepared, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with progress_of(prepared.plan, prepared.todo, quiet=False) as on_event:
        for event in events(prepared):
            on_event(event)
    assert "all stages" in capsys.readouterr().err


def test_a_quiet_run_shows_nothing(prepared, capsys):
    with progress_of(prepared.plan, prepared.todo, quiet=True) as on_event:
        for event in events(prepared):
            on_event(event)
    assert capsys.readouterr() == ("", "")
