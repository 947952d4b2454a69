import pytest

from pruneproof.api import Allocation, CountingRule, Floor, Source, Structure, UnknownName
from pruneproof.contracts.selection import Selection
from pruneproof.errors import BadConfig
from pruneproof.registry.catalog import build_catalog
from pruneproof.selection.rules import PLAIN, ask, check_together, installed, resolve

SOURCE = Source("Nobody", 2026, "Nothing")
GET = build_catalog(["builtin"]).get
FINAL = "global-mp-released"
COUNT = {"id": "count", "least": 1}


def test_the_words_of_the_core_stand_for_no_rule():
    for scope in ("global", "tensor", "row"):
        assert resolve(Selection(scope=scope), GET) == PLAIN


def test_every_other_id_is_looked_up():
    rules = resolve(Selection(scope="erk", structure="filter", floor=COUNT, count="torch-prune"), GET)
    assert [each.id for each in (rules.allocation, rules.structure, rules.floor, rules.counting)] == [
        "erk",
        "filter",
        "count",
        "torch-prune",
    ]


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (Selection(scope="glboal"), 'allocation "glboal" is not known.*Besides these: global, tensor, row.$'),
        (Selection(structure="filters"), 'Nearest: "filter".*Besides these: weight, N:M as in 2:4, sides as in 4x2.$'),
        (Selection(floor="counts"), 'floor "counts" is not known.*Nearest: "count".*Besides these: none.$'),
        (Selection(count="open-lht"), 'counting rule "open-lht".*Nearest: "open-lth".*Besides these: exact.$'),
        (
            Selection(floor={"id": "count", "leest": 5}),
            'option of floor "count" "leest" is not known. Nearest: "least"',
        ),
        (Selection(scope={"id": "lamp", "power": 2}), 'option of allocation "lamp" "power" is not known. Known: none'),
        (Selection(scope={"id": "row", "width": 2}), 'option of allocation "row" "width" is not known. Known: none'),
    ],
)
def test_an_id_or_an_option_that_nobody_knows_is_refused_with_those_that_are(selection, message):
    with pytest.raises(UnknownName, match=message):
        resolve(selection, GET)


REFUSED = {
    "floor of rows": (
        Selection(scope="row", floor=COUNT),
        'floor speaks of tensors, and the scope "row" cuts each row',
    ),
    "units of rows": (Selection(scope="row", structure="filter"), "a row is cut into single weights"),
    "N:M of rows": (Selection(scope="row", structure="2:4"), "a row is cut into single weights"),
    "threshold of rows": (
        Selection(scope="row", count="synflow"),
        'counting rule "synflow" takes a threshold from all scores; the scope "row" has none',
    ),
    "last of rows": (Selection(scope="row", ties="last"), 'the scope "row" breaks ties by index'),
    "threshold of an allocation": (
        Selection(scope="erk", count="open-lth"),
        'counting rule "open-lth" ranks all tensors together; it cannot be joined with scope "erk"',
    ),
    "final floor of an allocation": (
        Selection(scope="lamp", floor=FINAL),
        f'the floor "{FINAL}" ranks all tensors together; it cannot be joined with scope "lamp"',
    ),
    "final floor of tensors": (Selection(scope="tensor", floor=FINAL), 'cannot be joined with scope "tensor"'),
    "final floor and a count": (
        Selection(floor=FINAL, count="synflow"),
        f'the floor "{FINAL}" brings its own count; it cannot be joined with "synflow"',
    ),
    "scope of N:M": (Selection(structure="2:4", scope="tensor"), '"n-of-m" says how much is kept and where'),
    "allocation of N:M": (Selection(structure="2:4", scope="erk"), '"n-of-m" says how much is kept and where'),
    "floor of N:M": (Selection(structure="2:4", floor=COUNT), '"n-of-m" says how much is kept and where'),
    "count of N:M": (Selection(structure="2:4", count="torch-prune"), '"n-of-m" says how much is kept, the first of'),
    "last of N:M": (Selection(structure="2:4", ties="last"), "Leave count and ties out"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_rules_that_contradict_each_other_are_refused(case):
    selection, message = REFUSED[case]
    with pytest.raises(BadConfig, match=message):
        resolve(selection, GET)


@pytest.mark.parametrize(
    "selection",
    [
        Selection(scope="row", count="torch-prune"),
        Selection(scope="erk", count="jaxpruner", floor=COUNT, ties="last"),
        Selection(scope="tensor", count="synflow", floor=COUNT, structure="filter"),
        Selection(count="synflow", floor=COUNT),
        Selection(floor=FINAL, structure="filter", ties="last"),
        Selection(structure="2:4", unprunable=("head.*",)),
    ],
    ids=str,
)
def test_rules_that_go_together_are_not_refused(selection):
    check_together(selection, resolve(selection, GET))


def test_a_rule_is_given_what_it_names_and_its_options():
    given = {"sizes": lambda: {"a": 1}, "scores": lambda: 1 / 0}
    assert ask(lambda sizes, *, plus=0: (sizes, plus), given, {"plus": 3}) == ({"a": 1}, 3)


@pytest.mark.parametrize(
    ("of", "name"), [(Allocation, "erk"), (Structure, "filter"), (Floor, "count"), (CountingRule, "synflow")]
)
def test_outside_of_a_paper_the_built_in_rules_are_found(of, name):
    assert installed(of, name).id == name
    with pytest.raises(UnknownName, match='"nowhere" is not known'):
        installed(of, "nowhere")


def test_outside_of_a_paper_an_installed_plugin_is_found(install):
    install(
        "stranger",
        """
        from pruneproof.api import CountingRule, Source, hookimpl

        def keep_a_third(size):
            return size // 3

        @hookimpl
        def pruneproof_counting_rules():
            return [CountingRule("a-third", keep_a_third, Source("A. Stranger", 2026, "Thirds"), "keeps a third")]
        """,
    )
    assert installed(CountingRule, "a-third").keep(9) == 3
