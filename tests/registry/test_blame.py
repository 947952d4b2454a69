"""What a rule of a plugin raises is told in one sentence with the plugin and its line, wherever the rule is asked."""

import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from pruneproof.contracts.selection import Selection
from pruneproof.errors import BadConfig, BadPlugin
from pruneproof.registry.blame import blamed
from pruneproof.selection import rules
from pruneproof.selection.select import select_masks

RULES = {
    "allocation": """
        from pruneproof.api import Allocation, Source, hookimpl

        def counts(weights, keep):
            {body}

        @hookimpl
        def pruneproof_allocations():
            return [Allocation("odd-rule", counts, Source("A. Stranger", 2021, "Odd"))]
    """,
    "floor": """
        from pruneproof.api import Floor, Source, hookimpl

        def least(sizes):
            {body}

        @hookimpl
        def pruneproof_floors():
            return [Floor("odd-rule", least, Source("A. Stranger", 2021, "Odd"), "odd")]
    """,
    "counting rule": """
        from pruneproof.api import CountingRule, Source, hookimpl

        def keep(size, sparsity):
            {body}

        @hookimpl
        def pruneproof_counting_rules():
            return [CountingRule("odd-rule", keep, Source("A. Stranger", 2021, "Odd"), "odd")]
    """,
}
FIELD = {"allocation": "scope", "floor": "floor", "counting rule": "count"}


@pytest.fixture
def fresh():
    """Let no rule be known that was looked up before, nor afterwards: a process keeps them."""
    rules._installed.cache_clear()
    yield
    rules._installed.cache_clear()


@pytest.mark.parametrize("kind", RULES)
@pytest.mark.parametrize(
    ("body", "said"),
    [("raise ValueError('no good')", "ValueError: no good"), ("raise SystemExit(3)", "SystemExit: 3")],
)
def test_what_a_rule_raises_names_it_its_plugin_and_its_line(install, kind, body, said, fresh):
    file = install("odd", RULES[kind].format(body=body))
    with pytest.raises(BadPlugin) as caught:
        select_masks({"fc.weight": torch.randn(4, 4)}, sparsity=0.5, selection=Selection(**{FIELD[kind]: "odd-rule"}))
    assert f'{kind} "odd-rule" of plugin "odd" ({file}:' in str(caught.value)
    assert f"raised {said}" in str(caught.value)
    kept = re.search(r"The traceback is in (\S+)\.$", str(caught.value))
    assert "Traceback" in Path(kept[1]).read_text()


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        ("raise KeyError('fc9')", 69, "raised KeyError: 'fc9'"),
        ("return dict.fromkeys(weights, float('nan'))", 69, "keeps nan weights"),
        ("return {name: -1 for name in weights}", 69, "keeps -1 weights"),
        ("return {name: weight.numel() + 1 for name, weight in weights.items()}", 69, "keeps 17 weights"),
        ("return {}", 69, "answered for []"),
        ("return [keep]", 69, "answered list"),
        ("return {name: int(weight.sum()) for name, weight in weights.items()}", 64, "looks at the weights themselves"),
    ],
)
def test_an_allocation_of_a_plugin_that_is_wrong_is_refused_by_name_on_a_checkpoint(
    install, repro, tmp_path, body, status, named, fresh
):
    install("odd", RULES["allocation"].format(body=body))
    save_file({"fc.weight": torch.randn(4, 4)}, tmp_path / "model.safetensors")
    found = repro("prune", tmp_path / "model.safetensors", "--sparsity", 0.5, "--scope", "odd-rule", "--dry-run")
    assert found.status == status, found.err
    assert named in found.err
    assert '"odd-rule"' in found.err
    assert found.err.count("\n") == 1


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("raise ValueError('no good')", "raised ValueError: no good"),
        ("return dict.fromkeys(weights, float('nan'))", "keeps nan weights"),
        ("return {name: 10**9 for name in weights}", "keeps 1000000000 weights"),
    ],
)
def test_an_allocation_of_a_plugin_that_is_wrong_is_refused_by_name_in_a_run(tiny, install, repro, body, named):
    install("odd", RULES["allocation"].format(body=body))
    text = (tiny / "paper.toml").read_text()
    (tiny / "paper.toml").write_text(text.replace('"tiny-paper"]', '"tiny-paper", "odd"]'))
    text = (tiny / "runs.toml").read_text()
    (tiny / "runs.toml").write_text(text.replace('select.scope = "uniform"', 'select.scope = "odd-rule"'))
    fast = ("--seeds", 1, "--quiet", "--device", "cpu", "--workers", 1)
    found = repro("run", "tiny", "--only", "mlp/uniform", *fast)
    assert found.status == 69
    assert 'allocation "odd-rule"' in found.err
    assert named in found.err


def test_refusals_and_a_lack_of_memory_pass_through():
    for problem in (BadConfig("no"), MemoryError("no")):
        with pytest.raises(type(problem)), blamed("rule"):
            raise problem
