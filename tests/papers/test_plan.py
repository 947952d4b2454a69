import re
from dataclasses import replace

import pytest

from pruneproof.errors import BadConfig, UnknownName
from pruneproof.papers.load import load_paper
from pruneproof.papers.overrides import override
from pruneproof.papers.plan import data_ids, make_plan, needed
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
                assert cell.stages[:2] == dense.stages
    used = {digest for cell in made.cells for digest in cell.stages}
    assert set(made.stages) == used | set(made.mechanisms.values()) | rewinds(made)


def rewinds(plan):
    return {digest for digest, stage in plan.stages.items() if stage.inputs.get("stop_after") is not None}


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


def test_papers_that_do_the_same_work_share_it(paper, plan, catalog):
    other = replace(paper, info=paper.info.model_copy(update={"id": "another", "title": "Another"}))
    assert make_plan(other, "mini", catalog, fingerprints=PRINTS).digest == plan().digest


def test_labels_and_descriptions_are_no_part_of_a_digest(plan):
    stage = next(iter(plan().stages.values()))
    assert replace(stage, label="another", epochs=99).digest == stage.digest
    assert plan("mlp.about=another").digest == plan().digest
    assert plan("mlp.arms.global.about=another").digest == plan().digest


ARM_CHANGES = [
    "mlp.arms.global.criterion=random",
    "mlp.arms.global.scope=erk",
    "mlp.arms.global.floor=1",
    "mlp.arms.global.floor_percent=0.5",
    "mlp.arms.global.floor_mode=released",
    'mlp.arms.global.unprunable=["fc1*"]',
    "mlp.arms.global.samples=7",
    "mlp.arms.global.sparsities=[0.91]",
    "mlp.arms.global.start=init",
    "mlp.arms.global.rewind=init",
    "mlp.arms.global.retrain.epochs=3",
    "mlp.arms.global.retrain.label_smoothing=0.1",
    "mlp.arms.global.retrain.clip=1.0",
]


@pytest.mark.parametrize("setting", ARM_CHANGES)
def test_every_change_of_an_arm_changes_the_digest_of_its_cells_and_of_no_other(plan, setting):
    before, after = plan(), plan(setting)
    last = {cell.stages[-1] for cell in cells(before, "global")}
    assert last.isdisjoint(cell.stages[-1] for cell in cells(after, "global"))
    for method in ("dense", "uniform", "gradual", "imp"):
        assert cells(before, method) == cells(after, method)


def test_a_preset_is_part_of_the_digest(plan):
    from pruneproof.selection.presets import PRESETS

    finals = {cells(plan(f"mlp.arms.global.preset={preset.id}"), "global")[0].stages[-1] for preset in PRESETS}
    assert len(finals) == len(PRESETS)


@pytest.mark.parametrize(
    "setting", ["mlp.dense.epochs=4", "mlp.dense.lr=0.2", "mlp.dense.validation=0.1", "mlp.model=lenet-5"]
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
    prune = made.stages[cell.stages[-2]].inputs
    assert prune["criterion"] == {"id": "magnitude", "options": {}, "origin": "builtin"}
    assert set(prune["selection"]) == {"scope", "preset", "floor", "floor_percent", "floor_mode", "unprunable"}
    check = made.stages[made.mechanisms["arithmetic"]].inputs["check"]
    assert (check["id"], check["options"]) == ("adds-up", {"left": 2})
    assert re.fullmatch(r"tiny-paper 2\.5, source [0-9a-f]{64}", check["origin"])
    assert plan("mlp.arms.imp.samples=1000").digest == made.digest


def test_stages_come_after_all_that_they_need(plan):
    made = plan()
    seen = set()
    for digest, stage in made.stages.items():
        assert seen.issuperset(stage.upstream.values()), stage.label
        seen.add(digest)


def test_one_shot_prunes_the_dense_network_once_and_retrains(plan):
    made = plan()
    cell = cells(made, "global", 0.98)[0]
    assert kinds(made, cell) == ["init", "train", "prune", "train"]
    _, dense, prune, retrain = cell.stages
    assert made.stages[prune].upstream == {"weights": dense}
    assert made.stages[prune].inputs["course"] == [0.98]
    assert made.stages[retrain].upstream == {"weights": dense, "mask": prune}
    assert made.stages[retrain].inputs["epochs_before"] == 3


def test_pruning_at_initialisation_needs_no_dense_training(plan):
    made = plan()
    [cell] = cells(made, "synflow")
    assert kinds(made, cell) == ["init", "prune", "train"]
    course = made.stages[cell.stages[1]].inputs["course"]
    assert course == sorted(course)
    assert len(course) == 3
    assert course[-1] == 0.5


def test_gradual_pruning_is_one_training_with_a_course(plan):
    made = plan()
    cell = cells(made, "gradual")[0]
    assert kinds(made, cell) == ["init", "train"]
    during = made.stages[cell.stages[-1]].inputs["during"]
    assert during["first_epoch"] == 0
    assert len(during["course"]) == 2
    assert during["course"][-1] == 0.9


def test_retraining_between_steps_chains_masks_and_counts_epochs(plan):
    made = plan()
    cell = cells(made, "imp")[0]
    assert kinds(made, cell) == ["init", "train", "prune", "train", "prune", "train"]
    _, dense, first, trained, second, final = cell.stages
    [rewound] = [digest for digest in rewinds(made) if made.stages[digest].inputs["seed"] == cell.seed]
    assert made.stages[first].upstream == {"weights": dense}
    assert made.stages[trained].upstream == {"weights": rewound, "mask": first}
    assert made.stages[second].upstream == {"weights": trained, "mask": first}
    assert made.stages[final].upstream == {"weights": rewound, "mask": second}
    assert [made.stages[each].inputs["epochs_before"] for each in (trained, final)] == [3, 5]


def test_rewinding_to_initialisation_takes_the_init_weights(plan):
    made = plan("mlp.arms.global.rewind=init")
    cell = cells(made, "global")[0]
    assert made.stages[cell.stages[-1]].upstream["weights"] == cell.stages[0]


def test_early_weights_are_the_dense_training_stopped_and_shared(plan):
    made = plan()
    dense = made.stages[cells(made, "dense")[0].stages[-1]]
    early = [made.stages[digest] for digest in rewinds(made) if made.stages[digest].inputs["seed"] == 0]
    assert len(early) == 1
    assert early[0].inputs == dict(dense.inputs) | {"stop_after": 1}
    assert early[0].epochs == 1


def test_two_targets_of_one_course_share_their_equal_steps(plan):
    made = plan("mlp.arms.imp.sparsities=[0.9, 0.88]")
    first, second = (next(cell for cell in cells(made, "imp", each) if cell.seed == 0) for each in (0.9, 0.88))
    assert first.stages[:4] == second.stages[:4]
    assert first.stages[4] != second.stages[4]


def test_needed_is_everything_when_nothing_is_done_and_nothing_when_all_is(plan):
    made = plan()
    assert needed(made, ()) == list(made.stages)
    assert needed(made, made.stages) == []


def test_a_finished_stage_hides_what_only_it_needed(plan):
    made = plan()
    cell = cells(made, "gradual")[0]
    finals = {each.stages[-1] for each in made.cells} | set(made.mechanisms.values())
    prunes = {digest for digest, stage in made.stages.items() if stage.kind == "prune"}
    assert needed(made, finals | prunes) == []
    init, dense = (digest for digest in cells(made, "dense")[0].stages)
    assert needed(made, (finals | prunes) - {cell.stages[-1]}) == [init, cell.stages[-1]]
    assert needed(made, (finals | prunes) - {dense}) == [init, dense]


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
        ("mlp.arms.global.criterion=magnitud", UnknownName, "magnitude"),
        ("mlp.arms.global.schedule=cubik", UnknownName, "cubic"),
        ("mlp.arms.global.scope=erc", UnknownName, "erk"),
        ("mlp.model=lenet", UnknownName, "lenet-5"),
        ("mlp.data=digit", UnknownName, "digits"),
        ("mlp.arms.gradual.during.end=2", BadConfig, "epoch 2 of a training of 2"),
        ("mlp.arms.imp.steps=5", BadConfig, "iterative"),
        ("mlp.arms.gradual.schedule.initial=0.99", BadConfig, "0.99"),
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
    changed = override(paper, "mini", ("mlp.arms.global.schedule=odd", "mlp.arms.global.steps=2"))
    with pytest.raises(BadConfig, match='schedule "odd"'):
        make_plan(changed, "mini", build_catalog(), fingerprints=PRINTS)


def test_an_unknown_profile_is_refused(paper, catalog):
    with pytest.raises(UnknownName, match='profile "full"'):
        make_plan(paper, "full", catalog, fingerprints=PRINTS)


@pytest.mark.parametrize("profile", ["mini", "lite", "full"])
def test_every_profile_of_the_shipped_paper_plans_without_its_data(profile):
    from pruneproof.papers.load import find_paper
    from pruneproof.registry.catalog import survey

    paper = load_paper(find_paper("global-mp", survey(kinds=()).paper_folders))
    made = make_plan(paper, profile, build_catalog(paper.info.plugins), fingerprints={})
    assert made.cells
    assert data_ids(paper, profile)
    assert needed(made, ()) == list(made.stages)
    assert set(made.mechanisms) == {claim.id for claim in paper.claims.claim if claim.kind == "mechanism"}
