import pytest

from pruneproof.api import Criterion
from pruneproof.errors import BadOption, BadPlugin, NameClash
from pruneproof.registry.catalog import build_catalog, survey
from pruneproof.registry.manager import load
from pruneproof.values.digests import digest_file

SOURCE = """
from pruneproof.api import Criterion, Source, hookimpl

def score(weights):
    return dict(weights)

@hookimpl
def pruneproof_criteria():
    return [Criterion("one-off", score, Source("A. Reader", 2026, "Mine"))]
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "my_score.py"
    path.write_text(SOURCE)
    return path


def test_a_file_is_a_plugin_named_by_its_stem_with_its_digest_as_version(file):
    plugin = build_catalog(["builtin"], files=[file]).entry(Criterion, "one-off").plugin
    assert (plugin.name, plugin.distribution, plugin.target) == ("my_score", "my_score.py", str(file))
    assert plugin.version == digest_file(file)[:16]
    assert plugin.digest() == digest_file(file)
    assert plugin.is_file


def test_a_changed_file_is_read_anew_in_the_same_process(file):
    before = build_catalog(["builtin"], files=[file]).entry(Criterion, "one-off")
    again = build_catalog(["builtin"], files=[file]).entry(Criterion, "one-off")
    assert before.value is not None
    assert before.value.score is again.value.score
    file.write_text(SOURCE.replace("one-off", "one-on"))
    catalog = build_catalog(["builtin"], files=[file])
    assert "one-off" not in catalog.entries(Criterion)
    assert catalog.entry(Criterion, "one-on").plugin.version != before.plugin.version


def test_the_worker_processes_of_a_run_load_it_too(tiny, file, repro):
    found = repro(
        "run", "tiny", "--plugin", file, "--set", "criterion=one-off", "--only", "mlp/global*", "--seeds", 1,
        "--set", "mlp.recipe.dense.epochs=1", "--device", "cpu", "--workers", 2, "--json",
    )  # fmt: skip
    assert found.status == 0, found.err
    assert {cell["method"] for cell in found.json["cells"]} == {"global", "global-one-off"}


@pytest.mark.parametrize("name", ["missing.py", "notes.txt", "."])
def test_what_is_no_python_file_is_refused_by_name(tmp_path, name):
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(BadOption, match="a Python file was expected"):
        load(files=[tmp_path / name])


@pytest.mark.parametrize("source", ["raise ValueError('no good')", "def (", "import nowhere_to_be_found"])
def test_a_file_that_cannot_be_imported_is_an_error_that_names_it(file, source):
    file.write_text(source)
    with pytest.raises(BadPlugin, match=r'plugin "my_score" .*Repair the file'):
        survey(files=[file])


def test_a_file_with_the_name_of_an_installed_plugin_is_refused_with_both_owners(install, tmp_path):
    install("stranger", "", version="3.1")
    path = tmp_path / "stranger.py"
    path.write_text(SOURCE)
    with pytest.raises(NameClash, match=r"stranger 3\.1, stranger_stranger.*stranger\.py"):
        load(files=[path])


def test_two_files_of_one_name_are_refused_and_one_file_twice_is_not(file, tmp_path):
    other = tmp_path / "other" / "my_score.py"
    other.parent.mkdir()
    other.write_text(SOURCE + "\n")
    with pytest.raises(NameClash, match="my_score"):
        load(files=[file, other])
    assert [plugin.name for plugin in load(["builtin"], files=[file, file]).plugins] == ["builtin", "my_score"]
