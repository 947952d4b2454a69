"""docs/papers.md against the schema and the claim tests: every key, its default, nothing else."""

import ast
import re
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

from pruneproof.contracts.recipe import Recipe
from pruneproof.papers import schema, verdict, verdict_over_arms
from pruneproof.selection.presets import PRESETS

PAGE = (Path(__file__).parents[2] / "docs" / "papers.md").read_text(encoding="utf-8")
TABLES = dict(re.findall(r"^<!-- (.+) -->\n\n\|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE))
CLASSES = {
    each.__name__: each
    for each in (*vars(schema).values(), Recipe)
    if isinstance(each, type) and issubclass(each, schema.Frozen | Recipe)
}
UNLISTED = {"Frozen", "Choice", "ClaimsFile"}  # no keys of their own: a base, `id` and options, and the list of claims


def cells(row):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]


def toml(value):
    """Return a default as the page writes it."""
    if value is PydanticUndefined:
        return "required"
    if value is None:
        return "none"
    if isinstance(value, schema.Choice):
        value = value.id
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str):
        return f'`"{value}"`'
    if isinstance(value, tuple):
        return "`[" + ", ".join(f'"{each}"' for each in value) + "]`"
    return f"`{value}`"


def test_every_class_of_the_schema_has_its_table():
    assert set(TABLES) - {"claim tests"} == set(CLASSES) - UNLISTED


@pytest.mark.parametrize("name", sorted(set(CLASSES) - UNLISTED))
def test_a_table_lists_exactly_the_keys_of_its_class_with_their_defaults(name):
    found = {cells(row)[0].strip("`"): cells(row)[2] for row in TABLES[name].splitlines()}
    inherited = set(schema.ClaimBase.model_fields) if name.endswith("Claim") else set()
    fields = {key: field for key, field in CLASSES[name].model_fields.items() if key not in inherited}
    assert found == {key: toml(field.default) for key, field in fields.items()}


def test_the_claim_tests_are_listed_with_their_parameters_and_defaults():
    sources = [ast.parse(Path(module.__file__).read_text(encoding="utf-8")) for module in (verdict, verdict_over_arms)]
    wanted = {}
    for each in (statement for source in sources for statement in source.body):
        if isinstance(each, ast.FunctionDef) and each.decorator_list:
            parameters = zip(each.args.kwonlyargs, each.args.kw_defaults, strict=True)
            wanted[each.name.replace("_", "-")] = {
                name.arg: None if default is None else ast.literal_eval(default) for name, default in parameters
            }
    found = {}
    for row in TABLES["claim tests"].splitlines():
        test, _, parameters, _ = cells(row)
        pairs = (each.partition(" = ") for each in re.findall(r"`([^`]+)`", parameters))
        found[test.strip("`")] = {name: ast.literal_eval(value) if value else None for name, _, value in pairs}
    assert found == wanted
    assert set(found) == {test.id for test in verdict.CLAIM_TESTS}


@pytest.mark.parametrize("allowed", schema.Operand.model_fields["metric"].annotation.__args__)
def test_every_metric_is_explained(allowed):
    assert f"| `{allowed}` |" in PAGE


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.id)
def test_every_preset_is_named(preset):
    assert f"`{preset.id}`" in PAGE
