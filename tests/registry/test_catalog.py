from pathlib import Path

import pytest

from pruneproof.api import API_VERSION, Criterion, DataSet, Executor, Figure, Model, Observer, Schedule
from pruneproof.errors import BadConfig, BadPlugin, NameClash, UnknownName
from pruneproof.registry.catalog import blame_plugin, build_catalog, survey
from pruneproof.registry.kinds import KINDS

CRITERION = """
    from pruneproof.api import Criterion, Source, hookimpl

    def score(weights{parameters}):
        return dict(weights)

    @hookimpl
    def pruneproof_criteria():
        return [Criterion({id!r}, score, {source})]
"""
SOURCE = "Source('A. Stranger', 2021, 'Strange scores')"


def criterion(name="strange", parameters="", source=SOURCE):
    return CRITERION.format(id=name, parameters=parameters, source=source)


def test_the_built_ins_fill_every_kind_that_changes_results_and_more():
    catalog = build_catalog(["builtin"])
    for kind in KINDS:
        assert catalog.entries(kind.of) or kind.of in (Figure, Observer), kind.noun
        for name, entry in catalog.entries(kind.of).items():
            assert isinstance(entry.value, kind.of)
            assert entry.id == name == entry.value.id
            assert catalog.get(kind.of, name) is entry.value


def test_every_built_in_entry_points_at_an_existing_file_and_line():
    catalog = build_catalog(["builtin"])
    for kind in KINDS:
        for entry in catalog.entries(kind.of).values():
            file, line = entry.where.rsplit(":", 1)
            assert 1 <= int(line) <= len(Path(file).read_text(encoding="utf-8").splitlines()), entry


def test_a_strangers_criterion_shows_plugin_version_file_and_line(install):
    file = install("stranger", criterion(), distribution="stranger-methods", version="3.1")
    entry = build_catalog().entry(Criterion, "strange")
    line = file.read_text().splitlines().index("def score(weights):") + 1
    assert (entry.plugin.name, entry.plugin.distribution, entry.plugin.version) == (
        "stranger",
        "stranger-methods",
        "3.1",
    )
    assert entry.where == f"{file}:{line}"


def test_a_clash_names_both_owners_and_both_files(install):
    first, second = install("first", criterion()), install("second", criterion())
    with pytest.raises(NameClash) as caught:
        build_catalog(["first", "second"])
    for named in ('criterion "strange"', '"first"', '"second"', str(first), str(second)):
        assert named in str(caught.value)


def test_a_stranger_cannot_replace_a_built_in(install):
    install("thief", criterion("magnitude"))
    with pytest.raises(NameClash, match=r'"builtin" .*magnitude\.py.*"thief"'):
        build_catalog()


def test_a_catalog_of_named_plugins_holds_nothing_of_the_others(install):
    install("thief", criterion("magnitude"))
    catalog = build_catalog(["builtin"])
    assert catalog.entry(Criterion, "magnitude").plugin.name == "builtin"
    assert [plugin.name for plugin in catalog.plugins] == ["builtin"]


@pytest.mark.parametrize(
    ("source", "named"),
    [
        (criterion(parameters=", momentum"), '"momentum"'),
        (criterion(parameters=", *, power"), '"power" without a default'),
        (criterion(source="None"), "no source"),
        (criterion("Not Kebab"), "Not Kebab"),
        (criterion(""), '""'),
        ("from pruneproof.api import hookimpl\n@hookimpl\ndef pruneproof_criteria():\n    return [len]\n", "Criterion"),
        ("from pruneproof.api import hookimpl\n@hookimpl\ndef pruneproof_criteria():\n    return None\n", "TypeError"),
        ("from pruneproof.api import hookimpl\n@hookimpl\ndef pruneproof_criteria():\n    1 / 0\n", "division by zero"),
    ],
)
def test_an_invalid_registration_is_refused(install, source, named):
    install("stranger", source)
    with pytest.raises(BadPlugin, match="stranger") as caught:
        build_catalog(["stranger"])
    assert named in str(caught.value)


def test_an_unknown_name_suggests_the_nearest_and_the_plugin_list():
    with pytest.raises(UnknownName, match=r'criterion "magnitud" \(runs.toml, line 3\).*Nearest: "magnitude".*plugin'):
        build_catalog(["builtin"]).get(Criterion, "magnitud", where="runs.toml, line 3")


def test_papers_come_from_every_plugin_by_folder_name(tiny):
    names = [folder.name for folder in survey(of=()).paper_folders]
    assert "tiny_paper" in names
    assert "global-mp" in names
    assert names == sorted(names)


def test_a_paper_folder_that_is_no_path_makes_its_plugin_broken_and_leaves_the_rest(install):
    install("stranger", "from pruneproof.api import hookimpl\n@hookimpl\ndef pruneproof_papers():\n    return [7]\n")
    found = survey(of=())
    [(plugin, reason)] = found.broken
    assert plugin.name == "stranger"
    assert "pruneproof_papers" in reason
    assert "global-mp" in [folder.name for folder in found.paper_folders]


def test_a_survey_keeps_what_is_usable_and_names_what_is_not(install):
    install("sound", criterion("sound"))
    install("thief", criterion("magnitude"))
    install("wrong", criterion("wrong", source="None"))
    found = survey()
    assert {plugin.name for plugin, _ in found.broken} == {"thief", "wrong"}
    assert {"sound", "magnitude"} <= set(found.catalog.entries(Criterion))
    assert "wrong" not in found.catalog.entries(Criterion)


def test_a_survey_of_one_kind_calls_no_other_hook(install):
    install(
        "loud", "from pruneproof.api import hookimpl\n@hookimpl\ndef pruneproof_models():\n    raise SystemExit(3)\n"
    )
    assert survey(of=[Criterion]).broken == ()
    [(plugin, reason)] = survey(of=[Model]).broken
    assert plugin.name == "loud"
    assert "SystemExit" in reason


def test_a_name_that_nobody_registers_names_the_broken_plugins(install):
    install("broken", "raise ValueError('no good')")
    with pytest.raises(UnknownName, match="Broken plugins: broken; `repro plugins` says why"):
        survey(of=[Criterion]).owner(Criterion, "mine", where="--set criterion=mine")


def test_some_kinds_alone_can_be_indexed(install):
    install(
        "loud", "from pruneproof.api import hookimpl\n@hookimpl\ndef pruneproof_models():\n    raise SystemExit(3)\n"
    )
    catalog = build_catalog(["builtin", "loud"], of=[Criterion, Schedule])
    assert catalog.entries(Criterion)
    assert catalog.entries(Schedule)
    assert not catalog.entries(DataSet)


PLUGINS = {
    "draws": (Figure, "Figure('x', lambda table, canvas: '', 'draws')", False),
    "places": (Executor, "Executor('x', lambda stages, spec, *, workers, on_event: None, 'runs')", False),
    "scores": (Criterion, f"Criterion('x', lambda weights: weights, {SOURCE})", True),
}


@pytest.mark.parametrize("name", PLUGINS)
def test_a_plugin_of_figures_and_executors_alone_changes_no_result(install, name):
    of, value, changes = PLUGINS[name]
    hook = next(kind.hook for kind in KINDS if kind.of is of)
    install(name, f"from pruneproof.api import *\n\n@hookimpl\ndef {hook}():\n    return [{value}]\n")
    catalog = build_catalog([name])
    (plugin,) = catalog.plugins
    assert catalog.changes_results(plugin) == changes


def test_what_a_plugins_function_raises_by_mistake_names_it_its_place_and_owner(install):
    file = install("stranger", criterion(), version="3.1")
    entry = build_catalog(["stranger"]).entry(Criterion, "strange")
    message = rf'criterion "strange" \({file}:\d+, stranger 3\.1\) raised KeyError: .*Repair it there'
    with pytest.raises(BadPlugin, match=message), blame_plugin(entry):
        raise KeyError("w")
    for refusal in (BadConfig("no"), OSError("full")):
        with pytest.raises(type(refusal)) as caught, blame_plugin(entry):
            raise refusal
        assert caught.value is refusal


def test_the_built_in_plugin_is_of_this_version_of_the_api():
    from pruneproof import builtin

    assert builtin.pruneproof_api == API_VERSION == 2
