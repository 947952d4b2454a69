"""Whatever a stranger's code raises or changes in a run is told in one sentence that names it, or put back."""

import re
from pathlib import Path

import pytest
import torch

FAST = ("--device", "cpu", "--workers", 1, "--seeds", 1, "--quiet", "--only", "mlp/global")

MODEL = """
    import torch
    from torch import nn
    from pruneproof.api import Model, Source, hookimpl

    class Net(nn.Module):
        def __init__(self, inputs, classes):
            super().__init__()
            self.hidden, self.out, self.calls = nn.Linear(inputs, 8), nn.Linear(8, classes), 0
        def forward(self, x):
            self.calls += 1
            {body}
            return self.out(torch.relu(self.hidden(x.flatten(1))))

    def build(shape, classes):
        return Net(64, classes)

    @hookimpl
    def pruneproof_models():
        return [Model("odd", build, Source("A. Stranger", 2021, "Odd"))]
"""
METRIC = """
    import os, random
    import numpy, torch
    from pruneproof.api import Metric, hookimpl

    def measure(weights):
        {body}
        return 1.0

    @hookimpl
    def pruneproof_metrics():
        return [Metric("odd", measure, "odd")]
"""


def named(tiny, key, old, new):
    """Let the tiny paper use a stranger's plugin `odd`."""
    paper = tiny / "paper.toml"
    paper.write_text(paper.read_text().replace('"tiny-paper"]', '"tiny-paper", "odd"]'))
    runs = tiny / "runs.toml"
    text = runs.read_text()
    assert old in text
    runs.write_text(text.replace(old, new, 1))


def one_sentence(found):
    """Return the message of a refusal, after a look at the file of its traceback."""
    [line] = [line for line in found.err.splitlines() if line.startswith("repro: ")]
    kept = re.search(r"The traceback is in (\S+)\.$", line)
    assert kept is not None, line
    assert "Traceback" in Path(kept[1]).read_text()
    return line


@pytest.mark.parametrize(
    "body",
    [
        "raise RuntimeError('no good')",
        "raise FileNotFoundError('no good')",
        "raise SystemExit('no good')",
        "x = x.flatten(1)[:, :3]",
    ],
)
def test_what_a_models_forward_raises_is_told_in_one_sentence(tiny, install, repro, body):
    file = install("odd", MODEL.format(body=body))
    named(tiny, "model", 'model = "lenet-300-100"', 'model = "odd"')
    found = repro("run", "tiny", *FAST)
    assert found.status == 69
    said = one_sentence(found)
    assert f'model "odd" ({file}:' in said
    assert 'stage "mlp' in said
    assert "hook pruneproof_models" in said


@pytest.mark.parametrize(
    "body", ["raise OSError('no good')", "raise KeyError('no good')", "raise SystemExit(0)", "open('/no/such/file')"]
)
def test_what_a_metric_raises_is_told_in_one_sentence(tiny, install, repro, body):
    file = install("odd", METRIC.format(body=body))
    named(tiny, "metric", 'measure.dense = ["accuracy",', 'measure.dense = ["odd", "accuracy",')
    found = repro("run", "tiny", *FAST)
    assert found.status == 69
    said = one_sentence(found)
    assert f'metric "odd" ({file}:' in said
    assert 'stage "mlp' in said


@pytest.mark.parametrize(
    "body",
    [
        "torch.set_default_dtype(torch.float64)",
        "torch.set_num_threads(3)",
        "torch.use_deterministic_algorithms(True)",
        "torch.manual_seed(3), numpy.random.seed(3), random.seed(3)",
        "os.chdir('/')",
        "os.environ['STRANGE'] = '1'; os.environ.pop('HOME', None)",
    ],
)
def test_what_a_metric_changes_around_it_is_put_back_and_changes_no_result(tiny, install, repro, folders, body):
    named_metric = ('measure.dense = ["accuracy",', 'measure.dense = ["odd", "accuracy",')
    install("odd", METRIC.format(body=body))
    named(tiny, "metric", *named_metric)
    import os

    before = (torch.get_default_dtype(), Path.cwd(), os.environ.get("HOME"))
    found = repro("run", "tiny", *FAST, "--json")
    assert found.status in (0, 1, 2), found.err
    plain = repro("run", "tiny", *FAST, "--json", "--store", folders / "plain", "--set", "mlp.watch=[]")
    assert (torch.get_default_dtype(), Path.cwd(), os.environ.get("HOME")) == before
    assert "STRANGE" not in os.environ
    assert not torch.are_deterministic_algorithms_enabled()
    assert [cell["measured"]["end"] for cell in found.json["cells"]] == [
        cell["measured"]["end"] for cell in plain.json["cells"]
    ]


def test_a_model_that_changes_a_setting_in_training_is_refused_by_name(tiny, install, repro):
    install("odd", MODEL.format(body="torch.set_num_threads(3)"))
    named(tiny, "model", 'model = "lenet-300-100"', 'model = "odd"')
    found = repro("run", "tiny", *FAST)
    assert found.status == 69
    assert 'model "odd"' in found.err
    assert "changed torch.get_num_threads from 1 to 3" in found.err
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize("problem", ["RuntimeError('no good')", "OSError('no good')"])
def test_what_an_executor_raises_is_told_in_one_sentence(tiny, install, repro, problem):
    install(
        "odd",
        f"""
        from pruneproof.api import Executor, hookimpl

        def run(stages, spec, *, workers, on_event):
            raise {problem}

        @hookimpl
        def pruneproof_executors():
            return [Executor("odd", run, "odd")]
        """,
    )
    found = repro("run", "tiny", *FAST, "--executor", "odd")
    assert found.status == 69
    assert 'executor "odd"' in one_sentence(found)


def test_what_a_data_set_raises_is_told_in_one_sentence(tiny, install, repro):
    install(
        "odd",
        """
        from pruneproof.api import DataSet, Source, hookimpl

        def load(root):
            return {}["nothing"]

        @hookimpl
        def pruneproof_datasets():
            return [DataSet("odd", load, Source("A. Stranger", 2021, "Odd"), "none", "odd")]
        """,
    )
    named(tiny, "data", 'data = "digits"', 'data = "odd"')
    for arguments in (("run", "tiny", *FAST), ("data", "fingerprint", "odd")):
        found = repro(*arguments)
        assert found.status == 69
        assert 'data set "odd"' in one_sentence(found)
    assert repro("data", "list").status == 0


def test_a_plugin_that_changes_settings_on_import_changes_nothing(tiny, install, repro):
    body = METRIC.format(body="pass").replace("def measure", "torch.set_default_dtype(torch.float64)\n    def measure")
    install("odd", body)
    named(tiny, "metric", 'measure.dense = ["accuracy",', 'measure.dense = ["odd", "accuracy",')
    assert repro("run", "tiny", *FAST).status in (0, 1, 2)
    assert torch.get_default_dtype() == torch.float32
