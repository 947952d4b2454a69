import pytest

from pruneproof.errors import BadOption, UnknownName
from pruneproof.registry.allowed import VARIABLE
from pruneproof.registry.manager import installed, load

EMPTY = "from pruneproof.api import hookimpl\n"


@pytest.fixture(autouse=True)
def two_strangers(install):
    install("one", EMPTY)
    install("two", EMPTY)


def names():
    return {name for name in installed() if name in ("builtin", "one", "two")}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", {"builtin"}),
        ("none", {"builtin"}),
        (" , ", {"builtin"}),
        ("one", {"builtin", "one"}),
        ("one, two", {"builtin", "one", "two"}),
        ("builtin,one", {"builtin", "one"}),
        ("-one", {"builtin", "two"}),
        ("one,two,-two", {"builtin", "one"}),
        ("-one,-two", {"builtin"}),
    ],
)
def test_the_variable_restricts_what_may_be_loaded(monkeypatch, value, expected):
    assert names() == {"builtin", "one", "two"}
    monkeypatch.setenv(VARIABLE, value)
    assert names() == expected
    assert expected <= {plugin.name for plugin in load().plugins}


@pytest.mark.parametrize("value", ["oen", "-oen"])
def test_a_name_that_is_not_installed_is_refused_with_the_nearest(monkeypatch, value):
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(UnknownName, match=r'plugin "oen" \(PRUNEPROOF_PLUGINS\).*Nearest: "one"'):
        installed()


def test_the_built_ins_cannot_be_left_out(monkeypatch):
    monkeypatch.setenv(VARIABLE, "-builtin")
    with pytest.raises(BadOption, match="-builtin"):
        installed()


def test_a_named_plugin_that_is_left_out_says_who_leaves_it_out(monkeypatch):
    monkeypatch.setenv(VARIABLE, "none")
    with pytest.raises(UnknownName, match=r'"one" is installed, but PRUNEPROOF_PLUGINS leaves it out'):
        load(["builtin", "one"])


def test_a_plugin_that_is_left_out_is_not_imported(monkeypatch, install, repro):
    install("loud", "raise SystemExit('imported')")
    monkeypatch.setenv(VARIABLE, "-loud")
    assert load().broken == ()
    assert repro("list").status == 0
