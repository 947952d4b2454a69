"""`criterion = "sparsegpt"` in a paper's own pipeline."""

from pruneproof.pipeline.prepare import Request, prepare
from pruneproof.pipeline.run import run_paper
from pruneproof.pipeline.store import Store
from pruneproof.registry.manager import installed
from pruneproof.training.checkpoint import load_tensors
from pruneproof.values.masks import MaskSet

SHORT = ("recipe.dense.epochs=3", "recipe.retrain.epochs=1", "sparsities=[0.8]")


def test_beside_a_papers_own_criterion_it_moves_the_survivors_and_loses_less(tmp_path):
    single = tmp_path / "wanda_file.py"
    single.write_text("from pruneproof_wanda.plugin import pruneproof_criteria\n")
    request = Request(
        "global-mp",
        store=tmp_path / "store",
        data=tmp_path / "data",
        device="cpu",
        seeds=(0,),
        only=("mlp/uniform", "mlp/uniform-sparsegpt"),
        settings=("criterion=sparsegpt", *(f"mlp.{each}" for each in SHORT)),
        files=() if "wanda" in installed() else (single,),
    )
    prepared = prepare(request, fetch=False)
    record = run_paper(prepared, lambda event: None)
    accuracy, pruned = {}, {}
    for cell, planned in zip(record.cells, prepared.plan.cells, strict=True):
        accuracy[cell.method] = cell.measured["pruned"]["accuracy"]
        [digest] = [each for each in planned.stages if prepared.plan.stages[each].kind == "prune"]
        pruned[cell.method] = Store(request.store).expect(digest)
    assert accuracy["uniform-sparsegpt"] > accuracy["uniform"] + 2
    assert "weights.safetensors" not in pruned["uniform"].outputs
    found = pruned["uniform-sparsegpt"]
    masks, weights = MaskSet.load(found.file("mask.safetensors")), load_tensors(found.file("weights.safetensors"))[0]
    assert all(not weights[name][~masks[name]].any() and weights[name].any() for name in masks)
