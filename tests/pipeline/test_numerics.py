"""Numerics classes: what a stage's process computes with, and what is refused where it cannot."""

import json
import os
import platform
import subprocess
import sys

import pytest
import torch

from pruneproof.contracts.executor import started_with
from pruneproof.contracts.numerics import NATIVE, NUMERICS
from pruneproof.errors import NumericsMissing, UnknownName
from pruneproof.pipeline.child_worker import ChildWorker
from pruneproof.pipeline.numerics import choose_numerics, obstacle
from pruneproof.pipeline.prepare import prepare
from pruneproof.pipeline.worker import Worker
from pruneproof.pipeline.worker_spec import WorkerSpec

CAN = [each.id for each in NUMERICS.values() if not obstacle(each, "cpu")]
REPORTS = """
    import os
    import torch
    from pruneproof.api import Fact, Mechanism, hookimpl

    def report():
        onednn = torch.backends.mkldnn.enabled and torch._C._get_mkldnn_enabled()
        found = f"{torch.backends.cpu.get_cpu_capability()} {onednn} {torch.get_num_threads()} {os.getpid()}"
        return [Fact("computes with", "anything", found, True)]

    @hookimpl
    def pruneproof_mechanisms():
        return [Mechanism("report", report, "tells what the process of a stage computes with")]
"""


@pytest.fixture
def reporting(install, tiny):
    """Let the tiny paper's mechanism tell how its process computes."""
    install("reporting", REPORTS)
    for name, old, new in (
        ("claims.toml", '{ id = "adds-up", left = 2 }', '"report"'),
        ("paper.toml", '"tiny-paper"]', '"tiny-paper", "reporting"]'),
    ):
        (tiny / name).write_text((tiny / name).read_text().replace(old, new))


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("name", [each for each in CAN if each != "native"])
def test_a_stage_runs_in_a_process_that_computes_as_its_class_says(reporting, replay, name, workers):
    only = ("arithmetic",) if workers == 1 else ("arithmetic", "mlp/dense")
    record = replay(only=only, seeds=(0,), numerics=name, workers=workers)
    [claim] = [claim for claim in record.claims if claim.id == "arithmetic"]
    capability, onednn, threads, process = claim.facts[0].found.split()
    assert (capability, onednn) == (NUMERICS[name].capability, str(NUMERICS[name].onednn))
    assert threads == "1"
    assert int(process) != os.getpid()
    assert record.numerics == name
    assert {each for each in os.environ if each in NUMERICS[name].environment} == set()


def test_a_class_is_part_of_the_digest_of_every_stage(ask):
    plans = {name: prepare(ask(numerics=name), fetch=False).plan for name in CAN}
    for name, plan in plans.items():
        assert all(stage.inputs.get("numerics", "native") == name for stage in plan.stages.values())
    everything = [digest for plan in plans.values() for digest in plan.stages]
    assert len(set(everything)) == len(everything)


def test_what_a_class_computes_does_not_depend_on_the_number_of_workers(replay, outputs, tmp_path):
    name = CAN[-1]
    for workers in (1, 2):
        replay(only=("mlp/gradual",), seeds=(0,), numerics=name, workers=workers, store=tmp_path / str(workers))
    assert outputs(tmp_path / "1") == outputs(tmp_path / "2")


def test_a_profile_names_its_class_and_an_option_replaces_it(tiny, ask):
    text = (tiny / "runs.toml").read_text()
    (tiny / "runs.toml").write_text(text.replace('scale = "small"', 'scale = "small"\nnumerics = "portable"', 1))
    assert prepare(ask(), fetch=False).numerics.id == ("portable" if "portable" in CAN else "native")
    assert prepare(ask(numerics="native"), fetch=False).numerics is NATIVE


def test_an_overridden_class_keeps_the_verdicts(replay):
    record = replay(only=("arithmetic",), numerics=CAN[-1])
    assert not record.is_variant
    assert {claim.id: claim.verdict for claim in record.claims}["arithmetic"] == "holds"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ((platform, "machine", lambda: "arm64"), "x86-64 processor, and this one is arm64"),
        ((torch.backends.mkl, "is_available", lambda: False), "built with MKL"),
        ((torch.backends.mkldnn, "is_available", lambda: False), "built with oneDNN"),
        ((torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT"), "torch finds DEFAULT"),
    ],
    ids=["ARM", "no MKL", "no oneDNN", "no AVX2"],
)
def test_a_machine_that_cannot_is_told_so_once_and_an_explicit_wish_is_refused(monkeypatch, change, reason):
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    assert obstacle(NUMERICS["x86-64-v3"], "cpu") == ""
    monkeypatch.setattr(*change)
    said = []
    assert choose_numerics(None, "x86-64-v3", "cpu", said.append) is NATIVE
    [line] = said
    assert reason in line
    assert "native is used" in line
    with pytest.raises(NumericsMissing, match=reason):
        choose_numerics("x86-64-v3", "native", "cpu", said.append)


def test_a_gpu_has_no_class_but_native():
    assert choose_numerics("native", "x86-64-v3", "cuda", pytest.fail) is NATIVE
    with pytest.raises(NumericsMissing, match="the device is cuda"):
        choose_numerics("portable", "native", "cuda", pytest.fail)


def test_a_class_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(UnknownName, match="native, portable, x86-64-v3"):
        choose_numerics("x86-64-v9", "native", "cpu", pytest.fail)


def test_a_worker_is_opened_here_only_where_this_process_was_started_for_it(tmp_path):
    assert isinstance(WorkerSpec(("builtin",), tmp_path, tmp_path).open(), Worker)
    assert isinstance(WorkerSpec(("builtin",), tmp_path, tmp_path, numerics="portable").open(), ChildWorker)


def test_an_environment_that_came_after_torch_is_refused(tmp_path):
    spec = WorkerSpec(("builtin",), tmp_path, tmp_path, numerics="portable")
    torch.zeros(1).add_(1)  # torch has chosen its kernels
    with started_with(spec.environment), pytest.raises(NumericsMissing, match="Unset ATEN_CPU_CAPABILITY"):
        spec.open()


def test_variables_are_given_to_processes_and_taken_back(monkeypatch):
    monkeypatch.setenv("KEPT", "before")
    tell = [sys.executable, "-c", "import json, os; print(json.dumps([os.environ.get(n) for n in ('KEPT', 'NEW')]))"]
    with started_with({"KEPT": "changed", "NEW": "1"}):
        assert json.loads(subprocess.check_output(tell)) == ["changed", "1"]
    assert json.loads(subprocess.check_output(tell)) == ["before", None]
