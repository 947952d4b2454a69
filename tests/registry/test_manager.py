import sys

import pytest

from pruneproof.errors import BadPlugin, UnknownName
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
