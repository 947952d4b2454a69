"""Every class of `errors.py` is raised through the command line by an example here, which its message names."""

import importlib.util
import inspect
import platform
import sys

import pytest
import torch

from pruneproof import errors
from pruneproof.errors import PruneproofError

SOURCE = 'Source("A. Stranger", 2021, "Odd things")'
CLASSES = {
    name: each
    for name, each in inspect.getmembers(errors, inspect.isclass)
    if issubclass(each, PruneproofError) and each is not PruneproofError
}


@pytest.fixture
def plugin(install, tiny):
    """Install a plugin with this body and let the tiny paper load it."""

    def plant(body, name="odd"):
        install(name, f"from pruneproof.api import *\n{body}")
        text = (tiny / "paper.toml").read_text()
        (tiny / "paper.toml").write_text(text.replace('"tiny-paper"', f'"tiny-paper", "{name}"', 1))

    return plant


def unknown_name(**_):
    return ["show", "tinny"], ['"tinny"', 'Nearest: "tiny"']


def bad_option(**_):
    return ["run", "tiny", "--seeds", "many"], ['"many"', "number of seeds"]


def bad_config(tiny, **_):
    text = (tiny / "runs.toml").read_text()
    (tiny / "runs.toml").write_text(text.replace("batch = 128", "batch = 0", 1))
    [line, *_] = [number for number, each in enumerate(text.splitlines(), 1) if "batch = 128" in each]
    return ["run", "tiny"], [f"runs.toml, line {line}", "batch"]


def bad_tensor(plugin, **_):
    plugin(
        "def score(weights):\n    return {name: each * float('nan') for name, each in weights.items()}\n"
        f"@hookimpl\ndef pruneproof_criteria():\n    return [Criterion('odd', score, {SOURCE})]\n"
    )
    return ["run", "tiny", "--only", "mlp/global", "--set", "mlp.methods.global.criterion=odd"], ['"odd"', "NaN"]


def infeasible_selection(**_):
    floor = "fresh.methods.synflow.select.floor={id='count', least=100000}"
    return ["run", "tiny", "--only", "fresh", "--set", floor], ["floor", "50200"]


def data_missing(**_):
    return ["data", "fingerprint", "mnist"], ['"mnist"', "repro data fetch mnist"]


def data_corrupt(folders, **_):
    folder = folders / "data" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta"):
        (folder / name).write_bytes(b"damaged")
    return ["data", "fingerprint", "cifar10"], [str(folder)]


def bad_plugin(plugin, **_):
    plugin("raise ValueError('no good')")
    return ["run", "tiny"], ['plugin "odd" (odd 1.0)', "no good"]


def name_clash(plugin, **_):
    plugin(
        "def score(weights):\n    return weights\n"
        f"@hookimpl\ndef pruneproof_criteria():\n    return [Criterion('magnitude', score, {SOURCE})]\n"
    )
    return ["run", "tiny"], ['criterion "magnitude"', '"builtin"', '"odd"', "magnitude.py", "stranger_odd.py"]


def device_missing(**_):
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    return ["run", "tiny", "--device", "cuda"], ["cuda", "--device cpu"]


def numerics_missing(monkeypatch, **_):
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    return ["run", "tiny", "--numerics", "x86-64-v3"], ["x86-64-v3", "arm64", "--numerics native", "repro doctor"]


def extra_missing(monkeypatch, **_):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "hypothesis" else find(name))
    for name in [each for each in sys.modules if each.split(".")[:2] == ["pruneproof", "testing"]]:
        monkeypatch.delitem(sys.modules, name)
    return ["check", "criterion", "magnitude"], ["hypothesis", "pip install 'pruneproof[testing]'"]


def mask_breach(plugin, **_):
    plugin(
        """
from torch import nn, ones_like

class Swapping(nn.Sequential):
    def forward(self, inputs):
        if self.training:
            self[1].weight = nn.Parameter(ones_like(self[1].weight))
        return super().forward(inputs)

def build(shape, classes):
    return Swapping(nn.Flatten(), nn.Linear(64, classes))
"""
        f"@hookimpl\ndef pruneproof_models():\n    return [Model('odd', build, {SOURCE})]\n"
    )
    return ["run", "tiny", "--only", "fresh", "--set", "fresh.model=odd"], ['"1.weight"', "step 0"]


def stage_failed(plugin, tiny, **_):
    plugin(
        "import os\ndef die():\n    os.kill(os.getpid(), 9)\n"
        "@hookimpl\ndef pruneproof_mechanisms():\n    return [Mechanism('die', die, 'kills its process')]\n"
    )
    text = (tiny / "claims.toml").read_text()
    (tiny / "claims.toml").write_text(text.replace('{ id = "adds-up", left = 2 }', '"die"'))
    return ["run", "tiny", "--only", "arithmetic", "--only", "mlp/dense", "--workers", "2"], ["worker", "--workers"]


def store_unwritable(folders, **_):
    (folders / "file").write_text("in the way")
    place = folders / "file" / "store"
    return ["run", "tiny", "--only", "arithmetic", "--store", str(place)], [str(place), "--store"]


def store_corrupt(folders, **_):
    path = folders / "store" / "reports" / "tiny" / "mini" / "record.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    return ["report", "tiny"], [str(path)]


def record_missing(folders, **_):
    return ["report", "tiny"], [str(folders / "store" / "reports" / "tiny" / "mini" / "record.json"), "repro run"]


EXAMPLES = {
    "UnknownName": (64, unknown_name),
    "BadOption": (64, bad_option),
    "BadConfig": (65, bad_config),
    "BadTensor": (65, bad_tensor),
    "InfeasibleSelection": (65, infeasible_selection),
    "DataMissing": (66, data_missing),
    "DataCorrupt": (66, data_corrupt),
    "RecordMissing": (66, record_missing),
    "BadPlugin": (69, bad_plugin),
    "NameClash": (69, name_clash),
    "DeviceMissing": (69, device_missing),
    "NumericsMissing": (69, numerics_missing),
    "ExtraMissing": (69, extra_missing),
    "MaskBreach": (70, mask_breach),
    "StageFailed": (70, stage_failed),
    "StoreUnwritable": (73, store_unwritable),
    "StoreCorrupt": (74, store_corrupt),
}


def test_every_class_has_an_example():
    assert set(EXAMPLES) == set(CLASSES)


SLOW = {"StageFailed"}


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=pytest.mark.slow) if each in SLOW else each for each in EXAMPLES]
)
def test_an_example_raises_its_class_with_its_status_and_names_the_thing(
    name, tiny, plugin, folders, monkeypatch, capsys
):
    from pruneproof.cli.app import app

    status, example = EXAMPLES[name]
    arguments, named = example(tiny=tiny, plugin=plugin, folders=folders, monkeypatch=monkeypatch)
    if arguments[0] == "run":
        arguments += [*(["--device", "cpu"] if "--device" not in arguments else []), "--quiet"]
        arguments += ["--workers", "1"] if "--workers" not in arguments else []
    with pytest.raises(PruneproofError) as caught:
        app(args=arguments, prog_name="repro", standalone_mode=False)
    assert type(caught.value) is CLASSES[name]
    assert caught.value.status == status
    for each in named:
        assert each in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_nearest_known_name_is_suggested_only_when_it_is_near():
    near = errors.UnknownName.among("colour", "geen", ["green", "red"], where="line 3", advice="Look at the palette.")
    far = errors.UnknownName.among("colour", "xyz", ["green", "red"])
    assert str(near) == (
        'colour "geen" (line 3) is not known. Nearest: "green". Known: green, red. Look at the palette.'
    )
    assert "Nearest" not in str(far)
    assert "Known: none." in str(errors.UnknownName.among("colour", "x", []))
