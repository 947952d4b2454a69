from textwrap import dedent
from types import SimpleNamespace

import pytest

from pruneproof.pipeline.prepare import Request, prepare
from pruneproof.pipeline.run import run_paper

STEPS_PLUGIN = """
    from pathlib import Path
    from pruneproof.api import hookimpl

    @hookimpl
    def pruneproof_papers():
        return [Path(__file__).parent / "steps_paper"]
"""
PAPER = """
    id = "steps"
    arxiv = "0000.00002"
    title = "A paper of steps"
    authors = ["A. Tester"]
    year = 2020
    about = "A tiny network, pruned step by step."
    plugins = [PLUGINS]
"""
RUNS = """
    [profiles.mini]
    about = "tiny"
    scale = "small"
    seeds = [0]
    hardware = "any core"

    [mini.net]
    about = "methods as lists of steps"
    model = { id = "mlp", hidden = [40, 20] }
    data = "digits"
    sparsities = [0.8]
    recipe.dense = { epochs = 3, batch = 128, lr = 0.1, momentum = 0.9 }
    recipe.retrain = { epochs = 2, batch = 128, lr = 0.05, momentum = 0.9, weight_decay = 1e-3 }
"""
CLAIM = """
    [[claim]]
    id = "dense"
    kind = "re-run"
    text = "A dense network is better than chance."
    where = "nowhere"
    strength = "control"
    why = "an order of magnitude above a tenth"
    test = { id = "threshold", relation = ">", value = 10.0 }

    [claim.evidence.mini]
    operands = [{ run = "net", method = "dense" }]
"""


@pytest.fixture
def steps_paper(install):
    """Install a paper of one run whose methods a test writes as TOML: (method -> steps, more plugins) -> its folder."""
    file = install("steps-paper", STEPS_PLUGIN)
    folder = file.parent / "steps_paper"
    folder.mkdir()
    (folder / "claims.toml").write_text(dedent(CLAIM))
    (folder / "citation.bib").write_text("@misc{tester, title = {A paper of steps}, author = {Tester, A.}}")

    def write(methods, plugins=()):
        named = ", ".join(f'"{each}"' for each in ("builtin", "steps-paper", *plugins))
        (folder / "paper.toml").write_text(dedent(PAPER).replace("PLUGINS", named))
        tables = [f'[[mini.net.methods]]\nmethod = "{name}"\nsteps = [{steps}]\n' for name, steps in methods.items()]
        (folder / "runs.toml").write_text(dedent(RUNS) + "\n" + "\n".join(tables))
        return folder

    return write


@pytest.fixture
def replay_steps(steps_paper, tmp_path):
    """Run methods written as steps: (method -> steps) -> method -> what each stage of it made, by kind, in order."""
    from pruneproof.pipeline.store import Store

    def run(methods, *, plugins=(), store="store", on_event=lambda event: None):
        steps_paper(methods, plugins)
        request = Request("steps", store=tmp_path / store, data=tmp_path / "data", device="cpu", only=("net/*",))
        prepared = prepare(request, fetch=False)
        record = run_paper(prepared, on_event)
        kept, found = Store(request.store), {}
        for cell, planned in zip(record.cells, prepared.plan.cells, strict=True):
            stages = [(prepared.plan.stages[digest].kind, kept.expect(digest)) for digest in planned.stages]
            found[cell.method] = SimpleNamespace(
                measured=cell.measured,
                stages=stages,
                of=lambda kind, stages=stages: [each for other, each in stages if other == kind],
            )
        return found

    return run
