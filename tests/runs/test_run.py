import pytest

import pruneproof as pp
from pruneproof.errors import BadOption, UnknownName

FAST = {"device": "cpu", "workers": 1}


def test_a_run_returns_its_record_and_says_where_it_is(tiny, folders, capsys):
    view = pp.run("tiny", only="arithmetic", **FAST)
    assert view.verdicts["arithmetic"] == "holds"
    assert set(view.files) == {"report", "markdown", "results", "figures", "record"}
    assert view.files["record"].is_relative_to(folders / "store")
    assert pp.load_record(view.files["record"]).record == view.record
    assert "tiny at mini on cpu" in capsys.readouterr().err


def test_networks_that_were_trained_are_rows(tiny, folders):
    view = pp.run("tiny", only=["mlp/dense"], seeds=[4], progress=False, **FAST)
    [row] = view.cells()
    assert (row["method"], row["seed"]) == ("dense", 4)
    assert 0 <= row["accuracy"] <= 100


def test_without_progress_nothing_is_said(tiny, folders, capfd):
    pp.run("tiny", only="arithmetic", progress=False, **FAST)
    assert capfd.readouterr() == ("", "")


def test_settings_make_a_variant_without_verdicts(tiny, folders):
    view = pp.run("tiny", only="mlp/dense", seeds=1, settings="mlp.recipe.dense.epochs=1", progress=False, **FAST)
    assert view.record.variant == ("mlp.recipe.dense.epochs=1",)
    assert "a variant, 1 networks" in repr(view)


@pytest.mark.parametrize("seeds", [0, -1, [], [1, 1], [-2]])
def test_seeds_that_are_none_are_refused(tiny, folders, seeds):
    with pytest.raises(BadOption, match="seeds="):
        pp.run("tiny", seeds=seeds, **FAST)


def test_a_paper_that_does_not_exist_is_refused_with_the_nearest(tiny, folders):
    with pytest.raises(UnknownName, match='"tiny"'):
        pp.run("tinny", **FAST)
