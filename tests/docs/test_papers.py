"""docs/papers.md against the classes and the registered values: every key, its default, nothing else; its examples."""

import inspect
import re
import tomllib
from pathlib import Path
from typing import Literal, get_args, get_origin

import pydantic
import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from pruneproof.claim_tests.catalogue import CLAIM_TESTS
from pruneproof.contracts.choice import Choice, Frozen
from pruneproof.contracts.claims import ClaimTest
from pruneproof.contracts.metric import Metric
from pruneproof.contracts.recipe import Recipe
from pruneproof.contracts.selection import Selection
from pruneproof.errors import BadConfig
from pruneproof.metrics.catalogue import METRICS
from pruneproof.papers import schema, steps
from pruneproof.papers.check_names import check_choice, named_by
from pruneproof.papers.claims import CLAIM_KINDS
from pruneproof.papers.setups import PROPERTIES
from pruneproof.registry.catalog import build_catalog
from pruneproof.registry.kinds import kind_of

PAGE = (Path(__file__).parents[2] / "docs" / "papers.md").read_text(encoding="utf-8")
TABLES = dict(re.findall(r"^<!-- (.+) -->\n\n\|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE))
FOLDER: dict[str, str] = {}
for name, block in re.findall(r"^`(\w+\.toml)`\n\n```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
    FOLDER[name] = FOLDER.get(name, "") + block + "\n"
OTHER_TABLES = {"claim kinds", "claim tests", "metrics", "properties", "settings"}


def own_fields(of):
    """Return the keys of a class that its own table lists, as configs write them."""
    base = (
        steps.Step if issubclass(of, steps.Step) else schema.ClaimBase if issubclass(of, schema.ClaimBase) else Frozen
    )
    known = {} if of is base else base.model_fields
    fields = {key: field for key, field in of.model_fields.items() if key not in {*known, "do"}}
    return {"id" if key == "what" else field.alias or key: field for key, field in fields.items()}


CLASSES = {
    each.__name__: each
    for each in (*vars(schema).values(), *vars(steps).values(), Recipe, Selection)
    if isinstance(each, type)
    and issubclass(each, Frozen | schema.RunsFile)
    and each not in (Frozen, Choice, schema.ClaimsFile, schema.FiguresFile)  # a base, `id` and options, lists of tables
    and own_fields(each)
}


def cells(row):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]


def rows(table):
    return [cells(row) for row in TABLES[table].splitlines()]


def literals(annotation):
    """Return the words that an annotation allows."""
    if get_origin(annotation) is Literal:
        return set(get_args(annotation))
    return set().union(*map(literals, get_args(annotation)))


def toml(value):
    """Return a value as TOML writes it."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case Choice() if not value.options:
            return f'"{value.id}"'
        case list() | tuple():
            return f"[{', '.join(map(toml, value))}]"
        case dict():
            return f"{{ {', '.join(f'{key} = {toml(each)}' for key, each in value.items())} }}" if value else "{}"
        case BaseModel():
            return toml(value.model_dump(exclude_defaults=True))
    return str(value)


def default_of(field):
    """Return a default as the page writes it."""
    value = field.get_default(call_default_factory=True)
    return "required" if value is PydanticUndefined else "none" if value is None else f"`{toml(value)}`"


def test_every_class_of_the_schema_has_its_table_and_no_other():
    assert set(TABLES) - OTHER_TABLES == set(CLASSES)


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_a_table_lists_exactly_the_keys_of_its_class_with_their_defaults(name):
    found = {key.strip("`"): default for key, _, default, _ in rows(name) if not key.startswith("`<")}
    assert found == {key: default_of(field) for key, field in own_fields(CLASSES[name]).items()}


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_a_table_names_the_words_that_a_key_allows(name):
    fields = own_fields(CLASSES[name])
    for key, allowed, _, _ in rows(name):
        field = fields.get(key.strip("`"))
        words = literals(field.annotation) if field is not None else set()
        assert not words or set(re.findall(r"`([^`]+)`", allowed)) == words


def test_every_step_is_in_the_overview():
    found = re.findall(r'^\| `(do = "[\w-]+"|repeat = N)` \|', PAGE, re.MULTILINE)
    assert found == [*(f'do = "{do}"' for do in steps.DOINGS), "repeat = N"]


def test_the_kinds_of_claims_are_listed_and_have_a_section_each():
    assert [row[0].strip("`") for row in rows("claim kinds")] == [kind.id for kind in CLAIM_KINDS]
    assert re.findall(r'^### kind = "(.+)"$', PAGE, re.MULTILINE) == [kind.id for kind in CLAIM_KINDS]


def test_the_properties_of_set_ups_are_listed():
    assert [row[0].strip("`") for row in rows("properties")] == list(PROPERTIES)


@pytest.mark.parametrize("test", CLAIM_TESTS, ids=lambda test: test.id)
def test_a_claim_test_is_listed_with_its_operands_parameters_and_defaults(test):
    [(_, operands, parameters, _)] = [row for row in rows("claim tests") if row[0] == f"`{test.id}`"]
    options = kind_of(ClaimTest).options(test).items()
    wanted = [
        name if default is inspect.Parameter.empty else f"{name} = {'none' if default is None else toml(default)}"
        for name, default in options
    ]
    assert re.findall(r"`([^`]+)`", parameters) == wanted
    with pytest.raises(BadConfig) as refusal:
        test.decide([])
    number = operands.removesuffix(", even").removesuffix(" or more")
    assert f"it takes {'at least' if 'or more' in operands else 'exactly'} {number}." in str(refusal.value)


def test_no_claim_test_is_listed_that_does_not_exist():
    assert [row[0].strip("`") for row in rows("claim tests")] == [test.id for test in CLAIM_TESTS]


def test_the_metrics_are_listed_as_they_are_registered():
    wanted = "".join(
        f"| {' | '.join([f'`{each.id}`', each.about, each.unit, each.per, each.better or '', options_of(each)])} |\n"
        for each in METRICS
    )
    assert TABLES["metrics"] == wanted, f"write:\n\n{wanted}"


def options_of(metric):
    options = [f"`{name} = {toml(default)}`" for name, default in kind_of(Metric).options(metric).items()]
    needs = [f"`against` a step with `{each}`" for each in metric.needs]
    return "; ".join([*options, *needs])


@pytest.fixture
def example(tmp_path):
    """A plugin file that brings the page's examples as one paper."""
    folder = tmp_path / "example"
    folder.mkdir()
    for name, content in {**FOLDER, "citation.bib": "@misc{example}\n"}.items():
        (folder / name).write_text(content, encoding="utf-8")
    plugin = tmp_path / "example_paper.py"
    plugin.write_text(
        "from pathlib import Path\nfrom pruneproof.api import hookimpl\n\n\n"
        "@hookimpl\ndef pruneproof_papers():\n    return [Path(__file__).parent / 'example']\n",
        encoding="utf-8",
    )
    return plugin


def test_all_toml_of_the_page_belongs_to_the_example():
    assert PAGE.count("```toml\n") == len(re.findall(r"^`\w+\.toml`\n\n```toml$", PAGE, re.MULTILINE))
    assert set(FOLDER) == {"paper.toml", "runs.toml", "claims.toml", "figures.toml"}


def test_the_example_can_be_planned(example, repro):
    planned = repro("plan", "example", "--plugin", example, "--device", "cpu", "--json").json
    cells_of = {(cell["run"], cell["method"]): cell["measures"] for cell in planned["cells"]}
    methods = [method for run in tomllib.loads(FOLDER["runs.toml"])["mini"].values() for method in run["methods"]]
    assert len(methods) == 12 <= len(cells_of)
    assert list(cells_of["imp", "imp"]) == ["round", "round-1", "round-2", "round-3", "round-4", "end"]
    assert list(cells_of["mlp", "global"]) == ["dense", "pruned", "end"]
    for method in ("lm-1-0", "lm-1-0.01", "lm-3-0", "lm-3-0.01"):
        assert ("mlp", method) in cells_of
    kinds = [stage["kind"] for stage in planned["stages"]]
    assert set(kinds) == {"init", "train", "prune", "search", "transform", "shrink", "measure", "mechanism"}


def test_rewinding_trains_the_same_epochs_of_the_recipe_again(example, repro):
    planned = repro("plan", "example", "--plugin", example, "--device", "cpu", "--only", "imp/imp", "--json").json
    trained = [stage for stage in planned["stages"] if stage["kind"] == "train" and stage["inputs"]["seed"] == 0]
    assert [(stage["inputs"]["start"], stage["inputs"]["stop"]) for stage in trained] == [(0, 1), (1, 3), *[(1, 3)] * 4]
    early = trained[0]["digest"]
    assert [stage["upstream"]["weights"] for stage in trained[1:]] == [early] * 5


@pytest.mark.parametrize("setting", [row[0].strip("`") for row in rows("settings")])
def test_a_setting_of_the_page_is_accepted(setting, example, repro):
    found = repro("plan", "example", "--plugin", example, "--device", "cpu", "--set", setting)
    assert found.status == 0, found.err


@pytest.mark.slow
def test_the_example_runs(example, repro, folders):
    found = repro("run", "example", "--plugin", example, "--device", "cpu", "--workers", "1", "--json")
    assert found.status in (0, 1, 2), found.err
    verdicts = {claim["id"]: claim["verdict"] for claim in found.json["claims"]}
    assert verdicts.keys() == {"fair", "nested", "first-against-last"}
    assert verdicts["fair"] == verdicts["nested"] == "holds"
    assert verdicts["first-against-last"] != "not-run"


def test_the_methods_at_initialisation_are_steps_of_what_is_registered():
    section = PAGE.split("### Pruning at initialisation")[1].split("###")[0]
    written = re.findall(r"`(\{ do = .*?\})`", section)
    assert len(written) > len(re.findall(r"^\| .* \|$", section, re.MULTILINE)) - 1
    read = pydantic.TypeAdapter(steps.AnyStep).validate_python
    found = [read(tomllib.loads(f"step = {each}")["step"]) for each in written]
    catalog = build_catalog(["builtin"])
    for of, chosen in named_by(found):
        check_choice(catalog, of, chosen, "docs/papers.md")
