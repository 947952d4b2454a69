"""FORCE and iterative SNIP as steps: 60 exponential steps, of which those of FORCE bring weights back."""

from pruneproof.units import keep_count
from pruneproof.values.masks import MaskSet


def prune(criterion, iterations=60, revive="false", until=""):
    return (
        f'{{ do = "init" }}, {{ do = "prune", criterion = "{criterion}", schedule = "exponential", iterations = '
        f"{iterations}, revive = {revive}, sample = {{ size = 50 }}{until} }}, {{ do = "
        '"measure", metrics = ["densities"] }'
    )


METHODS = {
    "force": prune("force", revive="true"),
    "iterative-snip": prune("snip"),
    "snip": prune("snip", 1),
    "force-once": prune("force", 1, "true"),
}


def masks(finished):
    return MaskSet.load(finished.file("mask.safetensors"))


def test_counts_are_exact_and_one_step_of_force_is_snip(replay_steps):
    found = {name: masks(each.of("prune")[0]) for name, each in replay_steps(METHODS).items() if name != "dense"}
    size = found["snip"].size()
    assert {each.count() for each in found.values()} == {keep_count(size, 0.8)}
    assert found["force-once"] == found["snip"]
    assert len({each.digest() for each in found.values()}) == 3


def test_force_brings_weights_back_and_iterative_snip_does_not(replay_steps):
    for criterion, revive, returns in (("force", "true", True), ("snip", "false", False)):
        # Of two exponential steps to 0.8 the first is one step to 1 - √0.2, on the same samples.
        first = 1 - 0.2**0.5
        methods = {
            "once": prune(criterion, 1, revive, f", sparsity = {first!r}"),
            "twice": prune(criterion, 2, revive),
        }
        found = {name: masks(each.of("prune")[0]) for name, each in replay_steps(methods).items() if name != "dense"}
        assert found["twice"].is_subset_of(found["once"]) != returns
