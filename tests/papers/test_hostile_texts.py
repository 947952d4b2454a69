"""Whatever a paper's files, a record or a measurement hold ends in a value or in one of our refusals."""

import json
import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.errors import BadConfig, PruneproofError, StoreCorrupt
from pruneproof.papers.load import load_paper
from pruneproof.papers.record import Record
from pruneproof.papers.settings import Setting
from pruneproof.papers.toml_text import parse_toml
from pruneproof.values.measurements import Measurement
from pruneproof.values.opening import parse_json

PAPERS = Path(__file__).parents[2] / "papers"
TINY = Path(__file__).parents[1] / "tiny_paper"
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(10**400)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def folder(tmp_path):
    import shutil

    return Path(shutil.copytree(TINY, tmp_path / "paper"))


HOSTILE = {
    "not UTF-8": b'id = "\xff\xfe"\n',
    "nested arrays": b"a = " + b"[" * 5000 + b"]" * 5000,
    "nested tables": b"a = " + b"{a=" * 3000 + b"1" + b"}" * 3000,
    "nested keys": b".".join([b"a"] * 5000) + b" = 1",
    "a number of 4,400 digits": b"a = " + b"9" * 4400,
    "a hexadecimal number of 4,400 digits": b"a = 0x" + b"f" * 4400,
    "a number beyond 64 bits": b"a = 9223372036854775808",
    "zero bytes": b"a = 1\x00",
}


@pytest.mark.parametrize("name", ["paper.toml", "runs.toml", "claims.toml"])
@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_of_a_paper_is_refused_by_name(folder, name, content):
    (folder / name).write_bytes(content)
    with pytest.raises(PruneproofError, match=name):
        load_paper(folder)


@pytest.mark.parametrize("name", ["runs.toml", "citation.bib"])
def test_a_pipe_in_place_of_a_file_of_a_paper_is_not_waited_for(folder, name):
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(BadConfig, match=name):
        load_paper(folder)


@pytest.mark.parametrize("content", [b'a,b\n"x,1\n', b"a,b\n\xff,1\n", b"a,b\n" + b"x" * 200_000 + b",1\n", b""])
def test_a_hostile_table_is_refused_by_name(folder, content):
    (folder / "tables").mkdir(exist_ok=True)
    (folder / "tables" / "t.csv").write_bytes(content)
    with pytest.raises(BadConfig, match=r"t\.csv"):
        load_paper(folder)


@given(text=st.text(alphabet="[]{}=.,\"'# \n\\ab1-+eTZ:_0x", max_size=60))
def test_any_text_is_toml_or_refused(text):
    with suppress(ValueError):
        parse_toml(text)
    with suppress(PruneproofError):
        Setting.read(f"key={text}")


@given(
    content=st.binary(max_size=60) | st.text(alphabet='[]{},:"0123456789.eE+-NaInfity \\u', max_size=60).map(str.encode)
)
def test_any_bytes_are_json_or_refused(content):
    with suppress(ValueError):
        parse_json(content)


@pytest.mark.parametrize(
    "text", ["NaN", "-Infinity", "1e999", "1" + "0" * 400, "[" * 100_000, '{"a":' * 100_000, "\ud800"]
)
def test_what_no_float_and_no_depth_holds_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        parse_json(text.encode("utf-8", "surrogatepass"))


@given(value=VALUES)
def test_any_value_is_a_measurement_or_refused(value):
    with suppress(StoreCorrupt):
        Measurement.from_json(value).digest()


@pytest.fixture(scope="module")
def recorded():
    [path, *_] = sorted(PAPERS.glob("*/records/mini*.json"))
    content = json.loads(path.read_text(encoding="utf-8"))
    few = {key: content[key][:2] for key in ("stages", "cells", "claims")}
    return content | few


@given(data=st.data(), value=VALUES)
def test_a_record_with_any_value_anywhere_is_read_or_refused(recorded, tmp_path_factory, data, value):
    changed = json.loads(json.dumps(recorded))
    node, path = changed, []
    while isinstance(node, dict | list) and node and (not path or data.draw(st.booleans())):
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        path.append((node, data.draw(st.sampled_from(keys))))
        node = path[-1][0][path[-1][1]]
    parent, key = path[-1]
    parent[key] = value
    file = tmp_path_factory.getbasetemp() / "record.json"
    file.write_text(json.dumps(changed), encoding="utf-8")
    with suppress(StoreCorrupt):
        Record.load(file)
