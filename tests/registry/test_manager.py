import sys

import pytest

from pruneproof.errors import BadPlugin, NameClash, UnknownName
from pruneproof.registry.manager import installed, load

EMPTY = "from pruneproof.api import hookimpl\n"


def test_the_built_ins_come_through_an_entry_point_like_any_plugin():
    builtin = installed()["builtin"]
    assert (builtin.distribution, builtin.target) == ("pruneproof", "pruneproof.builtin")
    assert [plugin.name for plugin in load(["builtin"]).plugins] == ["builtin"]


def test_a_strangers_plugin_shows_its_name_distribution_and_version(install):
    install("stranger", EMPTY, distribution="stranger-methods", version="3.1")
    plugin = installed()["stranger"]
    assert (plugin.distribution, plugin.version, plugin.target) == ("stranger-methods", "3.1", "stranger_stranger")
    assert "stranger" in {each.name for each in load().plugins}


def test_listing_plugins_imports_none(install):
    install("lazy", "raise SystemExit('imported')")
    assert "lazy" in installed()
    assert "stranger_lazy" not in sys.modules


@pytest.mark.parametrize(
    "problem", ["raise ValueError('no good')", "import nowhere_to_be_found", "raise SystemExit(3)", "def ("]
)
def test_a_plugin_that_raises_on_import_is_broken_by_name_and_the_rest_stays_usable(install, problem):
    install("broken", problem)
    install("sound", EMPTY)
    loaded = load()
    assert {"builtin", "sound"} <= {plugin.name for plugin in loaded.plugins}
    [(plugin, reason)] = loaded.broken
    assert plugin.name == "broken"
    assert "stranger_broken" in reason


def test_a_broken_plugin_that_is_named_is_an_error(install):
    install("broken", "raise ValueError('no good')", version="0.3")
    with pytest.raises(BadPlugin, match=r'plugin "broken" \(broken 0\.3\) cannot be used.*no good'):
        load(["builtin", "broken"])


def test_a_hook_that_does_not_exist_is_refused_with_the_list_of_hooks(install):
    install("typo", EMPTY + "@hookimpl\ndef pruneproof_criterions():\n    return []\n")
    with pytest.raises(BadPlugin, match="pruneproof_criterions") as caught:
        load(["typo"])
    assert "pruneproof_criteria" in str(caught.value)
    assert [plugin.name for plugin, _ in load().broken] == ["typo"]


def test_a_hook_with_arguments_of_its_own_is_refused(install):
    install("greedy", EMPTY + "@hookimpl\ndef pruneproof_criteria(config):\n    return []\n")
    with pytest.raises(BadPlugin, match="config"):
        load(["greedy"])


def test_a_plugin_that_is_not_installed_is_unknown_with_the_nearest_name():
    with pytest.raises(UnknownName, match='Nearest: "builtin"'):
        load(["bultin"])


def test_only_the_named_plugins_are_imported(install):
    install("unasked", "raise SystemExit('imported')")
    assert load(["builtin"]).broken == ()
    assert "stranger_unasked" not in sys.modules


def test_the_nearest_hook_is_suggested(install):
    install("typo", EMPTY + "@hookimpl\ndef pruneproof_model():\n    return []\n")
    with pytest.raises(BadPlugin, match=r'"pruneproof_model" does not exist. Nearest: "pruneproof_models"'):
        load(["typo"])


def test_a_marked_function_that_is_no_hook_is_refused(install):
    install("typo", EMPTY + "@hookimpl\ndef criteria():\n    return []\n")
    with pytest.raises(BadPlugin, match=r'"criteria" does not exist. Nearest: "pruneproof_criteria"'):
        load(["typo"])


def test_a_hook_that_was_not_marked_is_refused(install):
    install("bare", "def pruneproof_criteria():\n    return []\n")
    with pytest.raises(BadPlugin, match="@hookimpl"):
        load(["bare"])


@pytest.mark.parametrize("version", ["1", "3", "'2'"])
def test_a_plugin_for_another_version_of_the_api_is_refused_with_both_versions(install, version):
    install("old", f"pruneproof_api = {version}\n" + EMPTY)
    with pytest.raises(BadPlugin, match=rf"version {version} of the plugin API, and this pruneproof has version 2"):
        load(["old"])
    assert [plugin.name for plugin, _ in load().broken] == ["old"]


@pytest.mark.parametrize("line", ["", "pruneproof_api = 2\n"])
def test_a_plugin_for_this_version_or_without_any_is_loaded(install, line):
    install("current", line + EMPTY)
    assert [plugin.name for plugin in load(["current"]).plugins] == ["current"]


def test_a_plugin_name_that_two_distributions_take_is_a_clash_that_names_both(install, site):
    install("same", EMPTY, distribution="first-package", version="1.0")
    facts = site / "second_package-2.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: second-package\nVersion: 2.0\n")
    (facts / "entry_points.txt").write_text("[pruneproof]\nsame = stranger_same\n")
    with pytest.raises(NameClash, match=r"first-package 1\.0.*second-package 2\.0|second-package 2\.0.*first-package"):
        load(["same"])
    assert [plugin.name for plugin, _ in load().broken] == ["same"]


def test_the_digest_covers_every_source_file_of_a_package_and_nothing_else(install, site):
    file = install("whole", EMPTY)
    before = installed()["whole"].digest()
    assert installed()["whole"].digest() == before
    file.write_text(EMPTY + "# changed\n")
    assert installed()["whole"].digest() != before
    builtin = installed()["builtin"].digest()
    assert len(builtin) == 64
    (site / "notes.txt").write_text("no source")
    assert installed()["builtin"].digest() == builtin
