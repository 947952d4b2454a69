import pytest
from pydantic import ValidationError

from pruneproof.contracts.choice import Choice
from pruneproof.papers.schema import ClaimsFile, FiguresFile, MechanismClaim, Method, Run, RunsFile

CLAIM = {"id": "a", "text": "t", "where": "w", "strength": "stated"}


def test_a_name_alone_is_short_for_an_id_and_other_keys_are_options():
    assert Method(method="m", criterion="snip").criterion == Choice(id="snip")
    chosen = Method(method="m", schedule={"id": "iterative", "rate": 0.3}).schedule
    assert chosen == Choice(id="iterative", options={"rate": 0.3})


@pytest.mark.parametrize(
    "content",
    [
        {"schedule": {"id": "iterative", "rate": 0.3}, "iterations": 3, "retrain": {"epochs": 3}},
        {"select": {"scope": "erk", "structure": "2:4", "floor": {"id": "count", "least": 3}}},
        {"steps": [{"do": "init"}, {"repeat": 2, "steps": [{"do": "prune"}, {"do": "train", "recipe": "r"}]}]},
        {"steps": [{"do": "init"}, {"do": "train", "recipe": "r", "updates": [{"id": "rigl", "every": "9it"}]}]},
    ],
)
def test_a_dump_reads_back_as_the_same_method(content):
    method = Method(method="m", **content)
    assert Method.model_validate(method.model_dump(mode="json")) == method


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"iterations": 0}, "iterations"),
        ({"select": {"floor": -1}}, "floor"),
        ({"select": {"reduce": "l3"}}, "reduce"),
        ({"sparsities": [1.0]}, "sparsities"),
        ({"method": "Not Kebab"}, "method"),
        ({"sample": {"size": 0}}, "size"),
        ({"colour": "red"}, "colour"),
        ({"criterion": {"power": 2}}, "criterion"),
        ({"criterion": 7}, "criterion"),
        ({"steps": [{"do": "init"}], "criterion": "snip", "retrain": {"epochs": 1}}, "criterion, retrain are of the"),
    ],
)
def test_an_incoherent_method_is_refused_by_key(change, named):
    with pytest.raises(ValidationError, match=named):
        Method(**{"method": "m"} | change)


def test_a_run_measures_accuracy_unless_it_says_otherwise():
    run = Run(about="a", model="mlp", data="digits")
    assert {name: [each.id for each in metrics] for name, metrics in run.measure.items()} == {
        "dense": ["accuracy"],
        "end": ["accuracy", "densities"],
    }
    with pytest.raises(ValidationError, match=r"measure\.end"):
        Run(about="a", model="mlp", data="digits", measure={"end": []})


def test_a_claim_is_read_by_its_kind():
    content = {"claim": [CLAIM | {"kind": "mechanism", "check": "adds-up"}]}
    assert isinstance(ClaimsFile.model_validate(content).claim[0], MechanismClaim)


@pytest.mark.parametrize("content", [{"claim": []}, {"claim": [CLAIM]}, {"claim": [CLAIM | {"kind": "guess"}]}, {}])
def test_claims_without_a_known_kind_or_any_claim_are_refused(content):
    with pytest.raises(ValidationError):
        ClaimsFile.model_validate(content)


def test_profiles_have_any_name_and_their_runs_a_table_of_it():
    profile = {"about": "a", "scale": "small", "seeds": [0], "hardware": "any"}
    run = {"about": "a", "model": "mlp", "data": "digits"}
    runs = RunsFile.model_validate({"profiles": {"pocket": profile}, "pocket": {"net": run}})
    assert list(runs.runs("pocket")) == ["net"]
    assert runs.profiles_with_runs() == ["pocket"]
    assert runs.runs("mini") == {}


@pytest.mark.parametrize("content", [{"pocket": 7}, {"pocket": {"net": 7}}, {"pocket": {"Not Kebab": {}}}])
def test_what_is_no_table_of_runs_is_refused(content):
    with pytest.raises(ValidationError):
        RunsFile.model_validate({"profiles": {}} | content)


def test_the_keys_of_a_figure_that_are_not_its_own_are_options_of_its_kind():
    [figure] = FiguresFile.model_validate({"figure": [{"kind": "curves", "run": "net", "y": "accuracy"}]}).figure
    assert figure.kind == Choice(id="curves", options={"y": "accuracy"})
    assert figure.run == ("net",)


def test_all_values_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        Method(method="m").iterations = 3
