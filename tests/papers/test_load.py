import re
import shutil
from pathlib import Path

import pytest

from pruneproof.errors import BadConfig, UnknownName
from pruneproof.papers.load import find_paper, list_papers, load_paper

PAPER = """id = "toy"
arxiv = "1234.56789"
title = "A toy"
authors = ["A"]
year = 2020
about = "Nothing."
"""
RUNS = """[profiles.mini]
about = "small"
scale = "small"
seeds = [0]
hardware = "1 core"

[mini.mlp]
about = "a run"
model = "lenet-300-100"
data = "digits"
sparsities = [0.9]

[mini.mlp.recipe.dense]
epochs = 1
batch = 8
lr = 0.1

[mini.mlp.recipe.retrain]
epochs = 1
batch = 8
lr = 0.1

[[mini.mlp.methods]]
method = "global"

[[mini.mlp.methods]]
method = "uniform"
select.scope = "uniform"
retrain.lr = 0.2
"""
CLAIMS = """[[claim]]
id = "p1"
kind = "printed"
text = "t"
where = "T1"
strength = "stated"
[[claim.compare]]
left = { table = "t1", column = "top1", where = { method = "x" } }
relation = ">"
right = 1

[[claim]]
id = "r1"
kind = "re-run"
text = "t"
where = "T1"
strength = "stated"
why = "w"
test = { id = "paired-difference", relation = ">" }
[claim.evidence.mini]
operands = [
  { run = "mlp", method = "global", sparsity = 0.9 },
  { run = "mlp", method = "dense" },
]
"""
GLOBAL = 'method = "global"'
TABLE = "method,top1\nx,2.0\n"


BIB = "@misc{p, title = {P}}\n"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "toy"
    (folder / "tables").mkdir(parents=True)
    files = {"paper.toml": PAPER, "runs.toml": RUNS, "claims.toml": CLAIMS, "tables/t1.csv": TABLE, "citation.bib": BIB}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def change(folder: Path, file: str, old: str, new: str) -> int:
    """Replace text in a file; return the line on which it stood."""
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def test_a_good_folder_loads_whole(folder):
    paper = load_paper(folder)
    assert paper.info.id == "toy"
    assert [each.method for each in paper.runs.runs("mini")["mlp"].methods] == ["global", "uniform"]
    assert paper.tables == {"t1": [{"method": "x", "top1": "2.0"}]}
    assert paper.folder == folder
    assert paper.line("runs.toml", "mini", "mlp", "recipe", "dense", "lr") == "runs.toml, line 16"
    assert paper.line("runs.toml", "mini", "mlp", "recipe", "dense", "momentum") == "runs.toml, line 13"


def test_the_digest_sees_tables_and_configs_but_not_prose(folder):
    before = load_paper(folder).digest
    (folder / "README.md").write_text("words", encoding="utf-8")
    assert load_paper(folder).digest == before
    change(folder, "tables/t1.csv", "2.0", "2.1")
    assert load_paper(folder).digest != before


@pytest.mark.parametrize(
    ("file", "old", "new", "kind", "message"),
    [
        (
            "runs.toml",
            "lr = 0.1\n\n[mini.mlp.recipe.retrain]",
            "lr = \n\n[mini.mlp.recipe.retrain]",
            BadConfig,
            "not valid TOML",
        ),
        ("runs.toml", "batch = 8", "bacth = 8", UnknownName, 'key "bacth".*Nearest: "batch"'),
        (
            "runs.toml",
            "batch = 8",
            "batch = 0",
            BadConfig,
            "mini.mlp.recipe.dense.batch: .*greater than or equal to 1; found 0",
        ),
        (
            "runs.toml",
            "batch = 8",
            'batch = "eight"',
            BadConfig,
            "mini.mlp.recipe.dense.batch: .*integer.*found 'eight'",
        ),
        (
            "runs.toml",
            'select.scope = "uniform"',
            'select.scop = "uniform"',
            UnknownName,
            'key "scop".*Nearest: "scope"',
        ),
        ("runs.toml", "retrain.lr = 0.2", "retrain.lrr = 0.2", UnknownName, 'key "lrr".*Nearest: "lr"'),
        (
            "runs.toml",
            "retrain.lr = 0.2",
            "retrain.lr = -1",
            BadConfig,
            "methods.1.retrain.lr: .*greater than 0; found -1",
        ),
        ("runs.toml", "sparsities = [0.9]", "sparsities = [0.9, 1.0]", BadConfig, "less than 1; found 1.0"),
        ("claims.toml", 'relation = ">"\nright', 'relation = "=>"\nright', BadConfig, "relation: .*found '=>'"),
        ("claims.toml", 'column = "top1"', 'colum = "top1"', UnknownName, 'key "colum".*Nearest: "column"'),
        ("claims.toml", 'table = "t1"', 'table = "t2"', UnknownName, 'table "t2".*Nearest: "t1"'),
        (
            "claims.toml",
            'column = "top1"',
            'column = "top5"',
            UnknownName,
            'column of table t1 "top5".*Nearest: "top1"',
        ),
        ("claims.toml", "where = { method", "where = { metod", UnknownName, 'column of table t1 "metod"'),
        (
            "claims.toml",
            '{ run = "mlp", method = "g',
            '{ run = "mpl", method = "g',
            UnknownName,
            'mini run "mpl".*Nearest: "mlp"',
        ),
        (
            "claims.toml",
            'method = "global"',
            'method = "globul"',
            UnknownName,
            'method of mini run mlp "globul".*Nearest: "global"',
        ),
        (
            "claims.toml",
            "sparsity = 0.9",
            "sparsity = 0.8",
            UnknownName,
            'sparsity of mini run mlp, method global, "0.8".*Known: 0.9',
        ),
        ("claims.toml", "[claim.evidence.mini]", "[claim.evidence.lite]", UnknownName, 'profile "lite".*Known: mini'),
        ("claims.toml", 'kind = "re-run"', 'kind = "rerun"', BadConfig, "'re-run'"),
    ],
)
def test_each_mistake_is_one_message_with_file_and_line(folder, file, old, new, kind, message):
    line = change(folder, file, old, new)
    with pytest.raises(kind, match=re.compile(message, re.DOTALL)) as caught:
        load_paper(folder)
    found = re.search(rf"{re.escape(str(folder / file))}, line (\d+)", str(caught.value))
    assert found
    assert abs(int(found[1]) - line) <= (0 if new.count("\n") == old.count("\n") == 0 and kind is UnknownName else 11)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "message"),
    [
        (
            "runs.toml",
            'method = "uniform"',
            'method = "global"',
            26,
            r"is already one of this run \(runs.toml, line 23\)",
        ),
        ("runs.toml", 'method = "uniform"', 'method = "dense"', 26, "means the unpruned network"),
        (
            "runs.toml",
            "[mini.mlp.recipe.retrain]",
            "[mini.other.recipe.dense]",
            18,
            'key "about" is missing in mini.other',
        ),
        ("runs.toml", "sparsities = [0.9]\n", "", 22, "neither the method nor its run names sparsities"),
        ("runs.toml", "seeds = [0]\n", "", 1, 'the key "seeds" is missing in profiles.mini'),
        ("claims.toml", 'id = "r1"', 'id = "p1"', 12, r'claim id "p1" is already taken \(claims.toml, line 1\)'),
    ],
)
def test_contradictions_name_both_places(folder, file, old, new, line, message):
    change(folder, file, old, new)
    with pytest.raises(BadConfig, match=message) as caught:
        load_paper(folder)
    assert f"{folder / file}, line {line}:" in str(caught.value)


def test_a_run_whose_profile_is_not_described_is_refused(folder):
    change(folder, "runs.toml", "[profiles.mini]", "[profiles.full]")
    with pytest.raises(BadConfig, match=r'there are runs, but no table "profiles.mini"'):
        load_paper(folder)


def test_a_missing_file_says_what_a_folder_holds(folder):
    (folder / "claims.toml").unlink()
    with pytest.raises(
        BadConfig, match=r"claims\.toml does not exist; a paper folder holds paper\.toml, runs\.toml and claims\.toml"
    ):
        load_paper(folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("method,top1\nx,1,2\n", "line 2: 3 cells, but the table has 2 columns: method, top1"),
        ("method,method\nx,1\n", "line 1: .* distinct column names"),
        ("", "line 1: .* distinct column names"),
    ],
)
def test_a_broken_table_is_refused_with_its_line(folder, text, message):
    (folder / "tables/t1.csv").write_text(text, encoding="utf-8")
    with pytest.raises(BadConfig, match=message):
        load_paper(folder)


@pytest.mark.parametrize(
    "name", ["toy", "1234.56789", "arXiv:1234.56789", "arxiv: 1234.56789v3", "1234.56789v1", " TOY "]
)
def test_a_paper_is_found_by_id_and_by_arxiv_number_in_any_form(folder, name):
    assert find_paper(name, [folder]) == folder


def test_an_unknown_paper_names_the_nearest(folder):
    with pytest.raises(UnknownName, match=r'paper "toi" is not known\. Nearest: "toy"'):
        find_paper("toi", [folder])


def test_listing_reads_paper_toml_alone(folder):
    for name in ("runs.toml", "claims.toml"):
        (folder / name).unlink()
    shutil.rmtree(folder / "tables")
    assert [info.title for info in list_papers([folder])] == ["A toy"]


def test_figures_are_optional_and_are_read_from_their_own_file(folder):
    assert load_paper(folder).figures.figure == ()
    (folder / "figures.toml").write_text('[[figure]]\nkind = "curves"\nrun = "mlp"\n', encoding="utf-8")
    [figure] = load_paper(folder).figures.figure
    assert (figure.kind.id, figure.run) == ("curves", ("mlp",))
    (folder / "figures.toml").write_text('[[figure]]\nrun = "mlp"\n', encoding="utf-8")
    with pytest.raises(BadConfig, match=r"figures\.toml, line 1"):
        load_paper(folder)


@pytest.mark.parametrize(
    ("line", "kind", "message"),
    [
        ('equal = ["epoch"]', UnknownName, 'property of a set-up "epoch".*Nearest: "epochs"'),
        ("", BadConfig, "name one that can fail"),
    ],
)
def test_a_setup_claim_names_properties_that_exist(folder, line, kind, message):
    claim = f'\n[[claim]]\nid = "s"\nkind = "setup"\ntext = "t"\nwhere = "w"\nstrength = "stated"\n{line}\n'
    (folder / "claims.toml").write_text(CLAIMS + claim, encoding="utf-8")
    with pytest.raises(kind, match=message):
        load_paper(folder)
