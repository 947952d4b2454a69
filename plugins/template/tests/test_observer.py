"""The observer writes a line for each stage that finished."""

from pruneproof_template.observer import template_observer

from pruneproof.api import Event, RunInfo, StageInfo


def test_each_finished_stage_has_a_line(tmp_path):
    stages = {digest: StageInfo("train", f"train {digest}", {}) for digest in ("a", "b")}
    run = RunInfo("a-paper", "A paper", "mini", "cpu", (), "0" * 64, stages, tmp_path)
    with template_observer(run) as session:
        for kind, digest in (("start", "a"), ("start", "b"), ("progress", "a"), ("finish", "a")):
            session.on_event(Event(kind, digest))
    [line] = (tmp_path / "template-observer" / "seconds.tsv").read_text(encoding="utf-8").splitlines()
    label, seconds = line.split("\t")
    assert label == "train a"
    assert 0 <= float(seconds) < 60
