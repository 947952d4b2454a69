"""The paper's files fit together, and all that they name is registered."""

import json
import subprocess
import sys


def repro(*arguments, store):
    command = [
        sys.executable,
        "-c",
        "from pruneproof.cli import main; main()",
        *arguments,
        "--json",
        "--store",
        str(store),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_can_be_planned(tmp_path):
    said = repro("plan", "template-paper", store=tmp_path)
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout)["cells"]


def test_it_runs_and_judges_its_claim(tmp_path):
    said = repro("run", "template-paper", "--seeds", "2", "--device", "cpu", "--workers", "1", store=tmp_path)
    assert said.returncode in (0, 1, 2), said.stderr
    assert [claim["n"] for claim in json.loads(said.stdout)["claims"]] == [2]
