from dataclasses import fields, is_dataclass

import pytest

from pruneproof import api
from pruneproof.api import Criterion
from pruneproof.errors import BadPlugin
from pruneproof.registry.hookspecs import HOOKS, hookspecs
from pruneproof.registry.kinds import BY_NOUN, KINDS, PAPERS_HOOK, kind_of
from pruneproof.registry.manager import load


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.noun)
def test_a_row_is_about_a_class_that_plugins_can_import(kind):
    assert getattr(api, kind.of.__name__) is kind.of
    assert is_dataclass(kind.of)
    assert {"id", *kind.functions} <= {field.name for field in fields(kind.of)}
    assert kind.field == next(iter(kind.functions))
    assert kind_of(kind.of) is BY_NOUN[kind.noun] is kind


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.laws], ids=lambda kind: kind.noun)
def test_what_has_laws_can_declare_that_it_fails_one(kind):
    names = {field.name for field in fields(kind.of)}
    assert "expected_failures" in names
    assert bool(kind.claimable) == ("laws" in names)
    assert set(kind.laws).isdisjoint(kind.claimable)


def test_nouns_hooks_and_classes_belong_to_one_row_each():
    for column in ("noun", "hook", "of"):
        assert len({getattr(kind, column) for kind in KINDS}) == len(KINDS)


def test_there_is_a_hook_for_every_row_and_one_for_papers():
    made = hookspecs()
    assert set(HOOKS) == {PAPERS_HOOK, *(kind.hook for kind in KINDS)}
    for name, about in HOOKS.items():
        specification = getattr(made, name)
        assert (specification.__name__, specification.__doc__) == (name, about)
        with pytest.raises(NotImplementedError):
            specification()
    manager = load(["builtin"]).manager
    assert all(hasattr(manager.hook, name) for name in HOOKS)


def test_a_row_knows_the_options_of_a_value():
    def score(weights, *, power: float = 2.0): ...

    assert kind_of(Criterion).options(Criterion("mine", score, None)) == {"power": 2.0}


@pytest.mark.parametrize("cls", [int, Exception, type("Criterion", (), {}), api.Source])
def test_a_class_that_is_no_kind_is_refused_with_those_that_are(cls):
    with pytest.raises(BadPlugin, match=rf"{cls.__name__} is no kind of plugin\. Known: Criterion, Allocation, "):
        kind_of(cls)
