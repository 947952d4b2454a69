import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.papers.locate import locate

PAPERS = Path(__file__).parents[2] / "papers"


def paths(value, at=()):
    """Every table, key and array element of a parsed document."""
    found = [at] if at else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        found += paths(each, (*at, key))
    return found


def test_tables_keys_and_elements_have_the_line_on_which_they_stand():
    text = """# a comment with [brackets] and = signs
title = "x"

[a.b]
"quoted key" = 1
c = { d = 2, e = [3, { f = 4 }] }

[[arm]]
name = "first"
[[arm]]
name = 'second # no comment'
retrain.lr = 0.1
[arm.deep]
list = [
  1, # one
  [2,
   3],
]
"""
    lines = locate(text)
    assert set(lines) == set(paths(tomllib.loads(text)))
    assert lines["title",] == 2
    assert lines["a", "b"] == 4
    assert lines["a", "b", "quoted key"] == 5
    assert lines["a", "b", "c", "e", 1, "f"] == 6
    assert lines["arm",] == 8
    assert lines["arm", 1] == 10
    assert lines["arm", 1, "name"] == 11
    assert lines["arm", 1, "retrain", "lr"] == 12
    assert lines["arm", 1, "deep", "list", 1, 1] == 17


def test_strings_of_all_four_kinds_hide_what_looks_like_syntax():
    text = '''a = """
[no] = "table" # \\"""
key = 1""""
b = \'\'\'
[[neither]]
'quote' ends here''\'\'\'
c = "\\" = # [x]"
d = '\\'
e = [ """two
lines""", 'x' ]
f = 1
'''
    lines = locate(text)
    assert set(lines) == set(paths(tomllib.loads(text)))
    assert lines == {("a",): 1, ("b",): 4, ("c",): 7, ("d",): 8, ("e",): 9, ("e", 0): 9, ("e", 1): 10, ("f",): 11}


def test_tables_below_an_array_of_tables_belong_to_its_last_element():
    text = "[[run]]\n[run.dense]\nlr = 1\n[[run.arm]]\n[[run]]\n[[run.arm]]\n[run.arm.retrain]\nlr = 2\n[[run.arm]]\n"
    lines = locate(text)
    assert set(lines) == set(paths(tomllib.loads(text)))
    assert lines["run", 1, "arm", 0, "retrain", "lr"] == 8


@pytest.mark.parametrize("file", sorted(PAPERS.glob("*/*.toml")), ids=lambda path: "/".join(path.parts[-2:]))
def test_every_key_of_our_own_files_is_found_on_a_line_that_names_it(file):
    text = file.read_text(encoding="utf-8")
    lines = locate(text)
    assert set(lines) == set(paths(tomllib.loads(text)))
    rows = text.splitlines()
    for path, line in lines.items():
        if isinstance(path[-1], str):
            assert path[-1] in rows[line - 1]


KEYS = st.text("abc-_ .#=[]'é", min_size=1, max_size=5)
SCALARS = st.integers() | st.booleans() | st.text("ab\"'#=[]{},\n\\", max_size=6)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))


def write(value):
    """Write a value as inline TOML, arrays over several lines with comments."""
    match value:
        case bool():
            return str(value).lower()
        case dict():
            return "{ " + ", ".join(f"{quote(key)} = {write(each)}" for key, each in value.items()) + " }"
        case list():
            return "[ # [\n" + "".join(f"{write(each)}, # , ]\n" for each in value) + "]"
        case str():
            return quote(value)
        case _:
            return str(value)


def quote(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


@given(
    st.dictionaries(KEYS, VALUES, max_size=4),
    st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=3), max_size=3),
)
def test_it_finds_exactly_the_paths_that_tomllib_parses(top, tables):
    tables = {name: each for name, each in tables.items() if name not in top}
    text = "".join(f"{quote(key)} = {write(value)}\n" for key, value in top.items())
    for name, table in tables.items():
        text += f"[{quote(name)}] # [[x]]\n"
        text += "".join(f"{quote(key)}\t= {write(value)} # y = 1\n" for key, value in table.items())
    assert set(locate(text)) == set(paths(tomllib.loads(text)))
