"""Whatever a store holds, it is read or refused with the folder to delete, and nothing is lost.

`PRUNEPROOF_SLOW=1` tries a thousand times as many cases.
"""

import json
import shutil
from contextlib import suppress

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load, save

from pruneproof.errors import StoreCorrupt
from pruneproof.pipeline.store import Store
from pruneproof.pipeline.upstream import (
    load_facts,
    load_history,
    load_masks,
    load_measurement,
    load_optimizer,
    load_shape,
    load_weights,
)
from pruneproof.registry.catalog import build_catalog
from pruneproof.shrinking.shape import Cut, Shape
from pruneproof.training.checkpoint import pack_optimizer, save_tensors
from pruneproof.values.digests import digest_file
from pruneproof.values.masks import MaskSet

PART = ("run", "tiny", "--only", "mlp/global", "--seeds", 1, "--quiet", "--device", "cpu", "--workers", 1)
DIGEST = "ab" + "0" * 62
METRICS = {"accuracy": 97.5, "densities": {"0.weight": 0.5}, "losses": [1.0, 0.5], "constant-output": False}
HISTORY = {"loss": [1.0, None], "validation": [], "watched": {"accuracy": [97.5]}, "best_epoch": None, "diverged": True}
FACT = {"statement": "one and one", "expected": "2", "found": "2", "holds": True}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


def damaged(draw, content):
    """Return other bytes: cut off, with flipped bits, with a hole, with something behind them, or none."""
    kind = draw(st.sampled_from(["cut", "flip", "hole", "behind", "noise", "empty"]))
    place = draw(st.integers(0, max(len(content) - 1, 0)))
    if kind == "flip" and content:
        flipped = bytes([content[place] ^ 1 << draw(st.integers(0, 7))])
        return content[:place] + flipped + content[place + 1 :]
    return {
        "cut": content[:place],
        "hole": content[:place] + content[place + 9 :],
        "behind": content + b"\0",
        "noise": draw(st.binary(max_size=60)),
    }.get(kind, b"")


def elsewhere(draw, tensors):
    """Return tensors of which one has another dtype, shape, name or content, is gone, or is one too many."""
    name = draw(st.sampled_from(sorted(tensors)))
    old, others = tensors[name], {key: each for key, each in tensors.items() if key != name}
    changed = {
        "dtype": lambda: old.to(draw(st.sampled_from([torch.int64, torch.float64, torch.bool, torch.complex64]))),
        "flat": lambda: old.reshape(-1),
        "turned": lambda: old.flip(0).T.contiguous() if old.dim() == 2 else old[None],
        "longer": lambda: torch.cat([old, old]) if old.dim() else old[None],
        "empty": lambda: old.reshape(-1)[:0],
        "not finite": lambda: torch.full_like(old, torch.nan) if old.is_floating_point() else old,
    }
    kind = draw(st.sampled_from(["gone", "renamed", "one more", *changed]))
    if kind == "gone":
        return others
    if kind == "renamed":
        return {**others, f"{name}x": old}
    return {**tensors, "more": old.clone()} if kind == "one more" else {**others, name: changed[kind]()}


def forged(draw, path):
    """Return a file of the same form that says something else."""
    content = path.read_bytes()
    if path.suffix == ".safetensors":
        with safe_open(path, "pt") as file:
            facts = file.metadata() or {}
        if draw(st.booleans()):
            return save(elsewhere(draw, load(content)), facts)
        return save(load(content), {key: json.dumps(replaced(draw, json.loads(text))) for key, text in facts.items()})
    return json.dumps(replaced(draw, json.loads(content))).encode()


def replaced(draw, whole):
    """Return JSON with any value in any place."""
    steps, node = [], whole
    while isinstance(node, dict | list) and node and (not steps or draw(st.booleans())):
        keys = sorted(node) if isinstance(node, dict) else list(range(len(node)))
        steps.append((node, draw(st.sampled_from(keys))))
        node = node[steps[-1][1]]
    if not steps:
        return draw(JSON)
    parent, key = steps[-1]
    if draw(st.booleans()):
        parent[key] = draw(JSON)
    else:
        del parent[key]
    return whole


def manifest_of(folder):
    return json.loads((folder / "manifest.json").read_text())


def built_on(stages, digest):
    """Return the digests of the stages that were made from one."""
    direct = {name for name, folder in stages.items() if digest in manifest_of(folder)["stage"]["upstream"].values()}
    return direct | {further for each in direct for further in built_on(stages, each)}


def snapshot(root):
    return {path.relative_to(root): digest_file(path) for path in (root / "stages").rglob("*") if path.is_file()}


def network():
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """A finished stage that wrote one file of each sort."""
    store = Store(tmp_path_factory.mktemp("store"))
    store.prepare()
    net = network()
    optimizer = torch.optim.AdamW(net.parameters())
    net(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    with store.claim(DIGEST) as draft:
        save_tensors(draft / "weights.safetensors", net.state_dict(), {})
        save_tensors(draft / "optimizer.safetensors", pack_optimizer(optimizer), {})
        MaskSet.from_weights({"0.weight": net[0].weight}).save(draft / "mask.safetensors", sealed=False)
        shape = Shape({"0": Cut(outputs=(1, 2)), "2": Cut(inputs=(1, 2))}).to_json()
        for name, content in {
            "shape.json": {"shape": shape},
            "history.json": HISTORY,
            "measurement.json": METRICS,
            "facts.json": [FACT],
        }.items():
            (draft / name).write_text(json.dumps(content))
        written = {"kind": "train", "inputs": {"metrics": [{"id": metric} for metric in METRICS]}}
        store.commit(DIGEST, draft, sorted(path.name for path in draft.iterdir()), written, 1.0)
    return store


READERS = {
    "weights.safetensors": lambda finished: load_weights(finished, network()),
    "optimizer.safetensors": lambda finished: load_optimizer(finished, network()),
    "mask.safetensors": lambda finished: load_masks(finished, network()).apply_(network()),
    "shape.json": lambda finished: load_shape(finished, network()),
    "history.json": load_history,
    "measurement.json": lambda finished: load_measurement(finished, build_catalog(["builtin"])),
    "facts.json": load_facts,
}


@pytest.mark.parametrize("name", READERS)
def test_what_a_sound_stage_wrote_is_read(stage, name):
    READERS[name](stage.expect(DIGEST))


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
def test_what_was_damaged_is_refused_with_its_folder(stage, name, data):
    path = stage.expect(DIGEST).folder / name
    sound = path.read_bytes()
    path.write_bytes(damaged(data.draw, sound))
    try:
        if path.read_bytes() != sound:
            with pytest.raises(StoreCorrupt, match=f"Delete the folder {path.parent} and run again"):
                READERS[name](stage.expect(DIGEST))
    finally:
        path.write_bytes(sound)


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
def test_what_was_forged_together_with_its_digest_is_read_or_refused_with_its_folder(stage, name, data):
    finished = stage.expect(DIGEST)
    path = finished.folder / name
    sound = path.read_bytes()
    path.write_bytes(forged(data.draw, path))
    finished.outputs[name] = digest_file(path)
    refusal = f"Delete the folder {path.parent} and run again"
    try:
        READERS[name](finished)
    except StoreCorrupt as problem:
        refusal = str(problem)
    finally:
        path.write_bytes(sound)
    assert refusal.count(f"Delete the folder {path.parent} and run again") == 1


@pytest.mark.parametrize("kind", ["forged", "damaged"])
@given(data=st.data())
def test_a_manifest_that_was_forged_or_damaged_is_read_or_refused(stage, kind, data):
    path = stage.expect(DIGEST).folder / "manifest.json"
    sound = path.read_bytes()
    change = (
        damaged if kind == "damaged" else lambda draw, content: json.dumps(replaced(draw, json.loads(content))).encode()
    )
    path.write_bytes(change(data.draw, sound))
    try:
        with suppress(StoreCorrupt):
            stage.check([DIGEST])
            stage.stages()
            for name in READERS:
                READERS[name](stage.expect(DIGEST))
    finally:
        path.write_bytes(sound)


@pytest.fixture
def short(tiny):
    """The tiny paper with one epoch of retraining."""
    text = (tiny / "runs.toml").read_text()
    (tiny / "runs.toml").write_text(text.replace("epochs = 2", "epochs = 1"))


@pytest.mark.slow
@pytest.mark.parametrize("how", ["damaged", "forged"])
def test_a_run_on_a_store_that_was_damaged_or_forged_ends_in_one_sentence_and_loses_nothing(short, repro, folders, how):
    assert repro(*PART).status < 3
    store, sound = folders / "store", folders / "sound"
    shutil.copytree(store, sound)
    first = snapshot(store)
    victims = sorted(path for path in first if how == "damaged" or path.name != "manifest.json")

    @settings(max_examples=settings.default.max_examples // 20)
    @given(st.data())
    def law(data):
        shutil.rmtree(store)
        shutil.copytree(sound, store)
        stages = {folder.name: folder for folder in (store / "stages").glob("*/*")}
        victim = store / data.draw(st.sampled_from(victims))
        for later in built_on(stages, victim.parent.name):  # so that the victim is read
            shutil.rmtree(stages[later])
        victim.write_bytes(damaged(data.draw, victim.read_bytes()) if how == "damaged" else forged(data.draw, victim))
        if how == "forged":
            manifest = manifest_of(victim.parent)
            manifest["outputs"][victim.name] = digest_file(victim)
            (victim.parent / "manifest.json").write_text(json.dumps(manifest))
        before = snapshot(store)
        found = repro(*PART)
        assert found.status in (0, 1, 2, 74), found.err
        assert found.err.count("\n") <= 2, found.err
        after = snapshot(store)
        assert {path: after.get(path) for path in before} == before, "a stage was changed"
        if found.status == 74:
            assert str(victim.parent) in found.err, found.err
            shutil.rmtree(victim.parent)
            assert repro(*PART).status < 3
            assert outputs(snapshot(store)) == outputs(first)

    law()


def outputs(files):
    """Return the digests of what stages made, whose manifests say how long it took."""
    return {path: digest for path, digest in files.items() if path.name != "manifest.json"}
