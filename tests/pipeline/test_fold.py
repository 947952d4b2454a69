"""What each step makes of the network as it stands: stages, what they take, and what is refused."""

import pytest

from pruneproof.errors import BadConfig, UnknownName
from pruneproof.papers.load import load_paper
from pruneproof.pipeline.planning import make_plan
from pruneproof.registry.catalog import build_catalog

INIT = '{ do = "init" }'
DENSE = f'{INIT}, {{ do = "train", recipe = "dense" }}'
EARLY = (
    f'{INIT}, {{ do = "train", recipe = "dense", epochs = 1, name = "early" }}, {{ do = "train", recipe = "dense" }}'
)
MEASURE = '{ do = "measure" }'
PRINTS = {"digits": "f" * 64}


@pytest.fixture
def fold(steps_paper):
    """Plan methods written as steps: -> (method -> its stages in order, the plan)."""

    def make(methods):
        paper = load_paper(steps_paper(methods))
        plan = make_plan(paper, "mini", build_catalog(paper.info.plugins), fingerprints=PRINTS)
        return {cell.method: [plan.stages[digest] for digest in cell.stages] for cell in plan.cells}, plan

    return make


@pytest.fixture
def one(fold):
    """Plan one method: steps -> its stages in order."""
    return lambda steps: fold({"m": steps})[0]["m"]


def kinds(stages):
    return [stage.kind for stage in stages]


def of(stages, kind):
    return [stage for stage in stages if stage.kind == kind]


def test_each_step_takes_the_network_as_the_one_before_left_it(one):
    stages = one(f'{DENSE}, {{ do = "prune" }}, {{ do = "train", recipe = "retrain" }}, {MEASURE}')
    init, dense, prune, retrain, measure = stages
    assert kinds(stages) == ["init", "train", "prune", "train", "measure"]
    assert init.upstream == {}
    assert dense.upstream == {"weights": init.digest}
    assert prune.upstream == {"weights": dense.digest}
    assert retrain.upstream == {"weights": dense.digest, "mask": prune.digest}
    assert measure.upstream == {"weights": retrain.digest, "mask": prune.digest}


def test_a_second_part_of_a_recipe_goes_on_where_the_first_stopped(one):
    early, rest = of(one(f"{EARLY}, {MEASURE}"), "train")
    assert (early.inputs["start"], early.inputs["stop"]) == (0, 1)
    assert (rest.inputs["start"], rest.inputs["stop"]) == (1, 3)
    assert rest.epochs == 2


def test_a_recipe_that_has_run_to_its_end_begins_anew(one):
    [_, again] = of(one(f'{DENSE}, {{ do = "train", recipe = "dense" }}, {MEASURE}'), "train")
    assert (again.inputs["start"], again.inputs["stop"]) == (0, 3)


def test_until_start_and_epochs_say_which_part_is_trained(one):
    parts = of(
        one(
            f'{INIT}, {{ do = "train", recipe = "dense", until = 2 }}, '
            f'{{ do = "train", recipe = "dense", start = 1, epochs = 1 }}, {MEASURE}'
        ),
        "train",
    )
    assert [(each.inputs["start"], each.inputs["stop"]) for each in parts] == [(0, 2), (1, 2)]


def test_rewinding_brings_back_the_weights_and_their_place_in_the_recipe_and_keeps_the_mask(one):
    rewind = '{ do = "prune" }, { do = "rewind", to = "early" }, { do = "train", recipe = "dense" }'
    stages = one(f"{EARLY}, {rewind}, {MEASURE}")
    early, _, last = of(stages, "train")
    [prune] = of(stages, "prune")
    assert last.upstream == {"weights": early.digest, "mask": prune.digest}
    assert last.inputs["start"] == 1


def test_training_from_a_step_is_rewinding_to_it(one):
    by_rewind = f'{EARLY}, {{ do = "rewind", to = "early" }}, {{ do = "train", recipe = "retrain" }}, {MEASURE}'
    by_from = f'{EARLY}, {{ do = "train", recipe = "retrain", from = "early" }}, {MEASURE}'
    assert one(by_from)[-1].digest == one(by_rewind)[-1].digest


def test_a_repetition_prunes_to_the_sparsities_of_its_schedule(one):
    stages = one(
        f'{EARLY}, {{ repeat = 3, schedule = "linear", steps = [{{ do = "prune" }}, '
        f'{{ do = "rewind", to = "early" }}, {{ do = "train", recipe = "dense" }}] }}, {MEASURE}'
    )
    prunes, trains = of(stages, "prune"), of(stages, "train")
    assert [each.inputs["course"] for each in prunes] == [[pytest.approx(0.8 * n / 3)] for n in (1, 2, 3)]
    assert [each.upstream.get("mask") for each in prunes] == [None, prunes[0].digest, prunes[1].digest]
    assert [each.upstream["weights"] for each in trains[2:]] == [trains[0].digest] * 3


def test_steps_of_a_repetition_are_known_by_their_round_and_the_last_by_the_name_alone(fold):
    steps = f'{DENSE}, {{ repeat = 2, steps = [{{ do = "prune" }}, {{ do = "measure", name = "each" }}] }}, {MEASURE}'
    steps = steps.replace('name = "each"', 'name = "each", metrics = ["densities"]')
    _, plan = fold({"m": steps})
    [cell] = [cell for cell in plan.cells if cell.method == "m"]
    assert set(cell.measures) == {"each-1", "each-2", "each", "end"}
    assert cell.measures["each"] == cell.measures["each-2"] != cell.measures["each-1"]


def test_a_mask_can_be_adopted_from_a_step_and_from_another_method(fold):
    adopt = f'{DENSE}, {{ do = "prune", name = "first" }}, {{ do = "prune", criterion = "random" }}, '
    methods, _ = fold(
        {
            "random": f'{DENSE}, {{ do = "prune", criterion = "random" }}, {MEASURE}',
            "of-step": adopt + f'{{ do = "adopt", mask = "first" }}, {MEASURE}',
            "of-method": f'{DENSE}, {{ do = "adopt", method = "random" }}, {MEASURE}',
        }
    )
    assert methods["of-step"][-1].upstream["mask"] == of(methods["of-step"], "prune")[0].digest
    assert methods["of-method"][-1].digest == methods["random"][-1].digest


def test_a_mask_that_is_not_applied_only_marks(one):
    stages = one(
        f'{DENSE}, {{ do = "prune", name = "marks", apply = false }}, '
        f'{{ do = "train", recipe = "retrain", regularizers = [{{ id = "greg-1", marked = "marks" }}] }}, '
        f'{{ do = "adopt", mask = "marks" }}, {MEASURE}'
    )
    _, regularized = of(stages, "train")
    [prune] = of(stages, "prune")
    assert "mask" not in regularized.upstream
    assert regularized.upstream["marked"] == prune.digest
    assert stages[-1].upstream["mask"] == prune.digest


def test_a_network_of_the_shape_of_another_starts_from_it(fold):
    shrink = '{ do = "prune", select.structure = "filter" }, { do = "shrink", name = "small" }'
    methods, _ = fold(
        {
            "small": f"{DENSE}, {shrink}, {MEASURE}",
            "fresh": f'{{ do = "shape-of", method = "small" }}, {DENSE}, {MEASURE}',
        }
    )
    [shrunk] = of(methods["small"], "shrink")
    [init] = of(methods["fresh"], "init")
    assert init.upstream == {"shape": shrunk.digest}
    assert methods["fresh"][-1].upstream["shape"] == shrunk.digest
    assert methods["small"][-1].upstream == dict.fromkeys(("weights", "mask", "shape"), shrunk.digest)


def test_a_training_from_the_start_shares_the_dense_network_whatever_was_trained_before(fold):
    branch = '{ do = "init", name = "start" }, { do = "train", recipe = "dense", epochs = 1, name = "early" }, '
    methods, _ = fold({"m": f'{branch} {{ do = "train", recipe = "dense", from = "start" }}, {MEASURE}'})
    assert of(methods["m"], "train")[1].digest == of(methods["dense"], "train")[0].digest


def test_iterations_on_a_network_that_is_pruned_already_run_over_what_is_left(one):
    twice = '{ do = "prune", schedule = "linear", iterations = 2 }'
    stages = one(f'{DENSE}, {{ repeat = 2, steps = [{twice}, {{ do = "train", recipe = "retrain" }}] }}, {MEASURE}')
    assert [each.inputs["course"] for each in of(stages, "prune")] == [
        pytest.approx([0.2, 0.4]),
        pytest.approx([0.6, 0.8]),
    ]


def test_what_is_left_is_taken_over_by_rewinding_and_adopting(one):
    pruned = '{ do = "prune", sparsity = 0.4, name = "pruned" }'
    again = '{ do = "prune", schedule = "linear", iterations = 2 }'
    for between in ('{ do = "rewind", to = "start" }', '{ do = "adopt", mask = "pruned" }'):
        stages = one(f'{{ do = "init", name = "start" }}, {pruned}, {between}, {again}, {MEASURE}')
        assert of(stages, "prune")[1].inputs["course"] == [0.6, 0.8]


@pytest.mark.parametrize(("first", "target", "half_way"), [(0.9, 0.999, 0.99), (0.999999, 0.99999999, 0.9999999)])
def test_a_course_over_what_is_left_has_exact_decimals(one, first, target, half_way):
    again = f'{{ do = "prune", sparsity = {target}, schedule = "exponential", iterations = 2 }}'
    stages = one(f'{DENSE}, {{ do = "prune", sparsity = {first} }}, {again}, {MEASURE}')
    assert of(stages, "prune")[1].inputs["course"] == [half_way, target]


def test_a_counting_rule_is_told_the_target_of_the_mask_so_far(one):
    steps = f'{DENSE}, {{ repeat = 2, steps = [{{ do = "prune"COUNT }}] }}, {MEASURE}'
    exact, counted = (of(one(steps.replace("COUNT", each)), "prune") for each in ("", ', select.count = "open-lth"'))
    assert [each.inputs.get("before") for each in exact] == [None, None]
    assert [each.inputs.get("before") for each in counted] == [None, pytest.approx(0.4)]


@pytest.mark.parametrize(
    ("prune", "differ"),
    [
        ('{ do = "prune" }', False),
        ('{ do = "prune", criterion = "random" }', True),
        ('{ do = "prune", criterion = "snip" }', True),
        ('{ do = "prune", transforms = ["invert"] }', False),
    ],
)
def test_what_draws_by_chance_draws_anew_in_each_round(one, prune, differ):
    stages = one(f"{DENSE}, {{ repeat = 2, steps = [{prune}] }}, {MEASURE}")
    assert [each.inputs.get("round") for each in of(stages, "prune")] == ([1, 2] if differ else [None, None])


def test_the_optimizer_is_saved_only_for_who_goes_on_with_it(one):
    part = '{ do = "train", recipe = "dense", epochs = 1 }'
    kept = '{ do = "train", recipe = "dense", optimizer = "kept" }'
    first, second = of(one(f"{INIT}, {part}, {kept}, {MEASURE}"), "train")
    assert first.inputs["keep_optimizer"] is True
    assert second.upstream["optimizer"] == first.digest
    alone, _ = of(one(f'{INIT}, {part}, {{ do = "train", recipe = "dense" }}, {MEASURE}'), "train")
    assert alone.inputs["keep_optimizer"] is False


def test_samples_that_any_training_of_the_run_holds_out_are_seen_by_no_criterion(one):
    held = f'{INIT}, {{ do = "train", recipe = "dense", change = {{ validation = 0.1 }} }}'
    [prune] = of(one(f'{held}, {{ do = "prune", criterion = "snip" }}, {MEASURE}'), "prune")
    assert prune.inputs["validation"] == 0.1


@pytest.mark.parametrize(
    ("steps", "error", "says"),
    [
        ('{ do = "prune" }', BadConfig, "the first step must be `init`"),
        (f'{INIT}, {{ do = "train", recipe = "dens" }}', UnknownName, 'Nearest: "dense"'),
        (f'{DENSE}, {{ do = "rewind", to = "erly" }}, {MEASURE}', UnknownName, 'step "erly"'),
        (f'{INIT}, {{ do = "train", recipe = "dense", until = 4 }}, {MEASURE}', BadConfig, "which has 3"),
        (f'{INIT}, {{ do = "train", recipe = "dense", optimizer = "kept" }}, {MEASURE}', BadConfig, "straight from"),
        (f'{DENSE}, {{ do = "adopt", mask = "early" }}, {MEASURE}', UnknownName, 'step "early"'),
        (f'{EARLY}, {{ do = "adopt", mask = "early" }}, {MEASURE}', BadConfig, '"early" has no mask'),
        (f'{DENSE}, {{ do = "adopt", method = "n" }}, {MEASURE}', UnknownName, 'method "n"'),
        (f'{DENSE}, {{ do = "adopt", method = "m" }}, {MEASURE}', BadConfig, "in a circle: m -> m"),
        (f'{DENSE}, {{ do = "shrink" }}, {MEASURE}', BadConfig, "no mask to shrink by"),
        (f'{{ do = "shape-of", method = "m" }}, {INIT}, {MEASURE}', BadConfig, "in a circle"),
        (f'{DENSE}, {{ do = "measure", metrics = ["loss-gap"] }}', BadConfig, "against = NAME"),
        (
            f'{DENSE}, {{ do = "measure", metrics = ["loss-gap"], against = "dense" }}',
            UnknownName,
            'step that measures "dense"',
        ),
        (
            f'{INIT}, {{ do = "train", recipe = "dense", gradual = {{ start = 0, end = 3 }} }}, {MEASURE}',
            BadConfig,
            "of 3",
        ),
        (f'{DENSE}, {{ do = "transform", id = "invert" }}, {MEASURE}', BadConfig, "changes scores"),
        (
            f'{DENSE}, {{ do = "prune" }}, {{ do = "search", id = "edge-popup", recipe = "dense" }}, {MEASURE}',
            BadConfig,
            "a search starts from a network without a mask",
        ),
        (
            f'{DENSE}, {{ do = "measure", name = "before", metrics = ["accuracy"] }}, '
            '{ do = "measure", metrics = ["loss-gap"], against = "before" }',
            BadConfig,
            'compares with "train-loss" of the step "before", which measures accuracy. Add it there.',
        ),
        (f'{INIT}, {{ do = "train", recipe = "dense", watch = ["loss-gap"] }}, {MEASURE}', BadConfig, "Name it in a"),
        (f'{DENSE}, {{ do = "prune", transforms = ["shuffle-globally"] }}, {MEASURE}', BadConfig, "a step of its own"),
        (f'{DENSE}, {{ do = "measure", metrics = ["accuracy", "accuracy"] }}', BadConfig, '"accuracy" 2 times'),
        (f"{DENSE}", BadConfig, "measures nothing. Add a step `measure`"),
        (
            f'{DENSE}, {{ repeat = 2, steps = [{{ do = "prune", name = "p" }}] }}, {{ do = "prune", name = "p-1" }}, '
            + MEASURE,
            BadConfig,
            'two steps of the name "p-1"',
        ),
        (f'{DENSE}, {{ do = "measure", metrics = ["accurcy"] }}', UnknownName, 'Nearest: "accuracy"'),
    ],
)
def test_steps_that_do_not_follow_from_each_other_are_refused_with_what_to_do(fold, steps, error, says):
    with pytest.raises(error) as caught:
        fold({"m": steps})
    assert says in str(caught.value)
