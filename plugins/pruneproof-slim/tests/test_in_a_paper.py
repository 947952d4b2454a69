import json

from pruneproof.cli import execute
from pruneproof.registry.manager import installed


def test_it_runs_beside_a_papers_own_criterion(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("PRUNEPROOF_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("PRUNEPROOF_DATA", str(tmp_path / "data"))
    loose = tmp_path / "slim_file.py"
    loose.write_text("from pruneproof_slim import pruneproof_criteria\n")
    plugin = [] if "slim" in installed() else ["--plugin", str(loose)]
    chosen = ["--only", "mlp/global", "--only", "mlp/global-filter-l1", "--seeds", "1", "--set", "criterion=filter-l1"]
    short = ["--set", "mlp.dense.epochs=1", "--set", "mlp.retrain.epochs=1", "--set", "mlp.sparsities=[0.9]"]
    status = execute(["run", "global-mp", *chosen, *short, *plugin, "--workers", "1", "--json"])
    assert status == 0
    record = json.loads(capfd.readouterr().out)
    assert {cell["method"] for cell in record["cells"]} >= {"global", "global-filter-l1"}
    assert record["claims"] == []
