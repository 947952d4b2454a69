import re
from dataclasses import replace
from pathlib import Path

import pytest

from pruneproof.contracts.recipe import Recipe
from pruneproof.errors import BadConfig, UnknownName
from pruneproof.papers.load import load_paper
from pruneproof.papers.overrides import override
from pruneproof.pipeline.plan import data_ids, needed
from pruneproof.pipeline.planning import estimate, make_plan
from pruneproof.registry.catalog import build_catalog

PRINTS = {"digits": "f" * 64}


@pytest.fixture
def paper(tiny):
    return load_paper(tiny)


@pytest.fixture
def catalog(paper):
    return build_catalog(paper.info.plugins)


@pytest.fixture
def plan(paper, catalog):
    """Plan the tiny paper, after `--set` settings and with other arguments of `make_plan`."""

    def make(*settings, **arguments):
        changed = override(paper, "mini", settings)
        return make_plan(changed, "mini", catalog, **{"fingerprints": PRINTS} | arguments)

    return make


def cells(plan, method, sparsity=None):
    return [each for each in plan.cells if each.method == method and sparsity in (None, each.sparsity)]


def kinds(plan, cell):
    return [plan.stages[digest].kind for digest in cell.stages]


def of_kind(plan, cell, kind):
    return [digest for digest in cell.stages if plan.stages[digest].kind == kind]


def test_every_network_is_planned_once_per_seed(plan):
    found = [(cell.run, cell.method, cell.sparsity, cell.seed) for cell in plan().cells]
    per_seed = [("dense", 0.0)]
    per_seed += [(method, sparsity) for method in ("global", "uniform") for sparsity in (0.9, 0.98)]
    per_seed += [("gradual", 0.9), ("imp", 0.9)]
    expected = [("mlp", method, sparsity, seed) for seed in (0, 1) for method, sparsity in per_seed]
    assert found == [*expected, ("fresh", "synflow", 0.5, 5)]


def test_equal_work_has_one_digest_within_a_plan(plan):
    made = plan()
    [dense] = [cell for cell in cells(made, "dense") if cell.seed == 0]
    for method in ("global", "uniform"):
        for cell in cells(made, method):
            if cell.seed == 0:
                assert cell.stages[:3] == dense.stages
    used = {digest for cell in made.cells for digest in cell.stages}
    assert set(made.stages) == used | set(made.mechanisms.values())


def test_a_plan_is_the_same_each_time_and_covers_its_stages(plan):
    first, again = plan(), plan()
    assert first == again
    assert first.digest == again.digest
    assert all(stage.digest == digest for digest, stage in first.stages.items())


def test_runs_that_do_the_same_work_share_it(tiny, plan, catalog):
    text = (tiny / "runs.toml").read_text()
    copy = text[text.index("[mini.mlp]") : text.index("[mini.fresh]")].replace("mini.mlp", "mini.twin")
    (tiny / "runs.toml").write_text(text + copy)
    twins = make_plan(load_paper(tiny), "mini", catalog, fingerprints=PRINTS)
    assert set(twins.stages) == set(plan().stages)
    assert len(twins.cells) == len(plan().cells) + 14
    assert estimate(load_paper(tiny), "mini", catalog) == (
        len(twins.cells),
        sum(stage.epochs for stage in twins.stages.values()),
    )


def test_papers_that_do_the_same_work_share_it(paper, plan, catalog):
    other = replace(paper, info=paper.info.model_copy(update={"id": "another", "title": "Another"}))
    assert make_plan(other, "mini", catalog, fingerprints=PRINTS).digest == plan().digest


def test_labels_and_descriptions_are_no_part_of_a_digest(plan):
    stage = next(iter(plan().stages.values()))
    assert replace(stage, label="another", epochs=99).digest == stage.digest
    assert plan("mlp.about=another").digest == plan().digest
    assert plan("mlp.methods.global.about=another").digest == plan().digest


METHOD_CHANGES = [
    "criterion=random",
    "select.scope=erk",
    "select.structure=2:4",
    "select.floor=count",
    "select.floor={id='share-of-tensor', share=0.25}",
    "select.floor=global-mp-released",
    "select.count=ceil-keep-one",
    "select.ties=last",
    'select.unprunable=["fc1*"]',
    "sparsities=[0.91]",
    "schedule=cubic",
    "iterations=2",
    "retrain.epochs=3",
    "retrain.label_smoothing=0.1",
    "retrain.clip=1.0",
    "retrain.lr_schedule=cosine",
]


@pytest.mark.parametrize("setting", METHOD_CHANGES)
def test_every_change_of_a_method_changes_the_digest_of_its_cells_and_of_no_other(plan, setting):
    changes = [f"mlp.methods.global.{setting}"]
    if setting == "schedule=cubic":
        changes.append("mlp.methods.global.iterations=3")
    if setting == "iterations=2":
        changes.append("mlp.methods.global.schedule=linear")
    before, after = plan(), plan(*changes)
    last = {cell.stages[-1] for cell in cells(before, "global")}
    assert last.isdisjoint(cell.stages[-1] for cell in cells(after, "global"))
    for method in ("dense", "uniform", "gradual", "imp"):
        assert cells(before, method) == cells(after, method)


def test_scoring_samples_count_only_where_a_criterion_looks_at_them(plan):
    of_magnitude = plan("mlp.methods.global.sample.size=7")
    assert of_magnitude.digest == plan().digest
    snip = "mlp.methods.global.criterion=snip"
    assert plan(snip, "mlp.methods.global.sample.size=7").digest != plan(snip).digest


@pytest.mark.parametrize(
    "setting",
    ["mlp.recipe.dense.epochs=4", "mlp.recipe.dense.lr=0.2", "mlp.recipe.dense.validation=0.1", "mlp.model=lenet-5"],
)
def test_a_change_upstream_changes_everything_downstream(plan, setting):
    before, after = plan(), plan(setting)
    for method in ("dense", "global", "uniform", "imp"):
        for old, new in zip(cells(before, method), cells(after, method), strict=True):
            assert old.stages[-1] != new.stages[-1]


@pytest.mark.parametrize("change", [{"device": "cuda"}, {"fingerprints": {"digits": "0" * 64}}, {"seeds": (7, 8)}])
def test_device_data_and_seeds_are_part_of_every_trained_digest(plan, change):
    before, after = plan(), plan(**change)
    shared = set(before.stages) & set(after.stages)
    assert {before.stages[digest].kind for digest in shared} == {"mechanism"}


def test_the_version_of_a_plugin_is_part_of_what_it_registers(plan, install, tiny, paper):
    digest = plan().mechanisms["arithmetic"]
    facts = tiny.parent / "tiny_paper-2.5.dist-info" / "METADATA"
    facts.write_text(facts.read_text().replace("2.5", "2.6"))
    again = make_plan(paper, "mini", build_catalog(paper.info.plugins), fingerprints=PRINTS)
    assert again.mechanisms["arithmetic"] != digest


def test_every_default_is_written_out(plan):
    made = plan()
    [cell] = [cell for cell in cells(made, "imp") if cell.seed == 0]
    prune = made.stages[of_kind(made, cell, "prune")[-1]].inputs
    assert prune["criterion"] == {"id": "magnitude", "options": {}, "origin": "builtin"}
    assert set(prune["selection"]) == {"scope", "structure", "reduce", "floor", "count", "ties", "unprunable"}
    recipe = made.stages[of_kind(made, cell, "train")[0]].inputs["recipe"]
    assert set(recipe) == set(Recipe.model_fields)
    check = made.stages[made.mechanisms["arithmetic"]].inputs["check"]
    assert (check["id"], check["options"]) == ("adds-up", {"left": 2})
    assert re.fullmatch(r"tiny-paper 2\.5, source [0-9a-f]{64}", check["origin"])
    assert plan("mlp.methods.imp.sample.size=1000").digest == made.digest


def test_stages_come_after_all_that_they_need(plan):
    made = plan()
    seen = set()
    for digest, stage in made.stages.items():
        assert seen.issuperset(stage.upstream.values()), stage.label
        seen.add(digest)


def test_two_targets_of_one_course_share_their_equal_steps(plan):
    made = plan("mlp.methods.imp.sparsities=[0.9, 0.88]")
    first, second = (next(cell for cell in cells(made, "imp", each) if cell.seed == 0) for each in (0.9, 0.88))
    shared = [len(of_kind(made, cell, kind)) for cell in (first,) for kind in ("train", "prune")]
    assert shared == [4, 2]  # dense in two parts, and two rounds
    assert first.stages[:-3] == second.stages[:-3]
    assert set(first.stages[-3:]).isdisjoint(second.stages)


def test_needed_is_everything_when_nothing_is_done_and_nothing_when_all_is(plan):
    made = plan()
    assert needed(made, ()) == list(made.stages)
    assert needed(made, made.stages) == []


def test_a_finished_stage_hides_what_only_it_needed(plan):
    made = plan(only=("mlp/gradual", "mlp/dense"), seeds=(0,))
    [dense], [gradual] = cells(made, "dense"), cells(made, "gradual")
    measures = {*dense.measures.values(), *gradual.measures.values()}
    assert needed(made, measures) == []
    init, training, measure = dense.stages
    assert needed(made, measures - {measure}) == [init, training, measure]
    assert needed(made, {training, *measures} - {measure}) == [measure]


def test_masks_are_always_wanted_since_a_record_shows_their_digests(plan):
    made = plan(only=("mlp/global",), seeds=(0,))
    measures = {digest for cell in made.cells for digest in cell.measures.values()}
    left = needed(made, measures)
    assert {made.stages[digest].kind for digest in left} == {"init", "train", "prune"}


def test_only_chooses_runs_methods_and_claims_by_pattern(plan):
    assert {cell.run for cell in plan(only=("fresh",)).cells} == {"fresh"}
    assert {cell.method for cell in plan(only=("mlp/global", "mlp/dense")).cells} == {"global", "dense"}
    assert {cell.method for cell in plan(only=("mlp/*",)).cells} == {"dense", "global", "uniform", "gradual", "imp"}
    alone = plan(only=("arithmetic",))
    assert alone.cells == ()
    assert list(alone.mechanisms) == ["arithmetic"]
    assert len(alone.stages) == 1


def test_what_only_leaves_has_the_digests_it_always_had(plan):
    whole, part = plan(), plan(only=("mlp/imp",))
    assert set(part.stages) < set(whole.stages)
    assert cells(part, "imp") == cells(whole, "imp")


@pytest.mark.parametrize("pattern", ["mpl", "mlp/globl", "learns", "*/nothing", ""])
def test_a_pattern_that_matches_nothing_is_unknown(plan, pattern):
    with pytest.raises(UnknownName, match="--only"):
        plan(only=("fresh", pattern))


def test_seeds_replace_those_of_profile_and_run(plan):
    assert {(cell.run, cell.seed) for cell in plan().cells} == {("mlp", 0), ("mlp", 1), ("fresh", 5)}
    assert {(cell.run, cell.seed) for cell in plan(seeds=(9,)).cells} == {("mlp", 9), ("fresh", 9)}


@pytest.mark.parametrize(
    ("setting", "error", "named"),
    [
        ("mlp.methods.global.criterion=magnitud", UnknownName, "magnitude"),
        ("mlp.methods.global.schedule=cubik", UnknownName, "cubic"),
        ("mlp.methods.global.select.scope=erc", UnknownName, "erk"),
        ("mlp.model=lenet", UnknownName, "lenet-5"),
        ("mlp.data=digit", UnknownName, "digits"),
        ("mlp.recipe.retrain.epochs=1", BadConfig, "epoch 1 of a training of 1"),
        ("mlp.methods.global.iterations=0", BadConfig, "iterations"),
        ("mlp.methods.gradual.schedule.initial=0.99", BadConfig, "0.99"),
    ],
)
def test_what_cannot_be_resolved_is_refused_by_name(plan, setting, error, named):
    with pytest.raises(error) as caught:
        plan(setting)
    assert named in str(caught.value)


@pytest.mark.parametrize("answer", ["[]", "[target] * (steps + 1)", "[0.5] * steps", "[0.95, target][:steps]"])
def test_a_schedule_that_misses_its_target_is_refused(install, paper, answer):
    install(
        "odd-schedule",
        f"""
        from pruneproof.api import Schedule, Source, hookimpl

        def odd(target, steps):
            return {answer}

        @hookimpl
        def pruneproof_schedules():
            return [Schedule("odd", odd, Source("A. Stranger", 2021, "Odd"))]
        """,
    )
    changed = override(paper, "mini", ("mlp.methods.global.schedule=odd", "mlp.methods.global.iterations=2"))
    with pytest.raises(BadConfig, match='schedule "odd"'):
        make_plan(changed, "mini", build_catalog(), fingerprints=PRINTS)


def test_an_unknown_profile_is_refused(paper, catalog):
    with pytest.raises(UnknownName, match='profile "full"'):
        make_plan(paper, "full", catalog, fingerprints=PRINTS)


PAPERS = Path(__file__).parents[2] / "papers"
PROFILES = [
    (folder.parent.name, profile)
    for folder in sorted(PAPERS.glob("*/paper.toml"))
    for profile in load_paper(folder.parent).runs.profiles
]


@pytest.mark.parametrize(("name", "profile"), PROFILES)
def test_every_profile_of_the_shipped_papers_plans_without_its_data(name, profile):
    paper = load_paper(PAPERS / name)
    made = make_plan(paper, profile, build_catalog(paper.info.plugins), fingerprints={})
    assert data_ids(paper, profile)
    assert estimate(paper, profile, build_catalog(paper.info.plugins)) == (
        len(made.cells),
        sum(stage.epochs for stage in made.stages.values()),
    )
    assert needed(made, ()) == list(made.stages)
    assert set(made.mechanisms) == {claim.id for claim in paper.claims.claim if claim.kind == "mechanism"}
