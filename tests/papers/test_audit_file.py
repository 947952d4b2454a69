"""Cards: what their files may say, and what is refused."""

import json
import math
import os
import re
import tomllib

import pytest

from pruneproof.errors import BadConfig, BadOption, UnknownName
from pruneproof.papers.audit import LADDER, audit
from pruneproof.papers.audit_card import POINTS
from pruneproof.papers.audit_file import TEMPLATE, CardFile, StageFile, read_card
from pruneproof.registry.catalog import build_catalog


@pytest.fixture(scope="module")
def catalog():
    return build_catalog(["builtin"])


@pytest.fixture
def read(tmp_path, catalog):
    def reading(text, suffix="toml"):
        path = tmp_path / f"card.{suffix}"
        path.write_text(text)
        return read_card(path, catalog)

    return reading


def retrain(read, **content):
    return read(json.dumps({"name": "a", "retrain": content}), "json").retrain


def test_the_template_is_a_card_of_which_all_is_unknown(read):
    found = audit(read(TEMPLATE), read(TEMPLATE))
    assert found.proved == ()
    assert found.possible == tuple(level.id for level in LADDER)


def test_the_template_names_every_key_and_no_other():
    content = tomllib.loads(TEMPLATE)
    assert set(content) == set(CardFile.model_fields)
    for stage in ("pretrain", "prune", "retrain"):
        assert set(content[stage]) | {"rates"} == set(StageFile.model_fields)
    assert TEMPLATE.count("# rates = ") == 3


def test_null_in_json_and_the_word_in_toml_are_unknown(read):
    assert read('{"name": "a", "dataset": null, "base": {"weights": null}}', "json") == read('name = "a"')
    assert read('name = "a"\nsparsity = "unknown"') == read('name = "a"')


def test_names_are_compared_without_capitals(read):
    assert read('name = "A"\ndataset = "ImageNet"\nretrain.optimizer = "SGD"').dataset == "imagenet"


def test_a_schedule_is_a_vector_however_it_is_written(read):
    by_name = retrain(read, epochs=90, lr=0.01, lr_schedule={"id": "milestones", "at": [30, 60]})
    by_steps = retrain(read, epochs=90, lr=0.01, lr_schedule={"id": "step", "every": 30}, lr_update="step")
    logged = retrain(read, epochs=90, rates=[0.01] * 30 + [0.001] * 30 + [0.0001] * 30)
    assert by_name.rates == by_steps.rates == pytest.approx(logged.rates)
    assert len(logged.rates) == 90 * POINTS


def test_several_rates_of_an_epoch_are_held_each_for_its_share(read):
    found = retrain(read, epochs=2, rates=[0.4, 0.3, 0.2, 0.1]).rates
    assert found[:: POINTS // 2] == (0.4, 0.3, 0.2, 0.1)


def test_warm_up_comes_before_the_schedule(read):
    found = retrain(read, epochs=4, lr=1.0, lr_schedule="constant", lr_update="epoch", warmup=2).rates
    assert found[::POINTS] == (0.5, 1.0, 1.0, 1.0)


def test_a_moving_rate_is_known_only_with_when_it_moves(read):
    cosine = {"epochs": 10, "lr": 0.1, "lr_schedule": "cosine"}
    assert retrain(read, **cosine).rates is None
    by_step = retrain(read, **cosine, lr_update="step").rates
    assert by_step[POINTS // 2] == pytest.approx(0.05 * (1 + math.cos(math.pi * 0.05)))
    assert retrain(read, **cosine, lr_update="epoch").rates[POINTS // 2] == pytest.approx(0.1)


def test_parts_of_epochs_are_known_where_the_length_does_not_matter(read):
    assert len(retrain(read, epochs=15.54, lr=0.1, lr_schedule="constant").rates) == 1554
    assert retrain(read, epochs=15.54, lr=0.1, lr_schedule="cosine", lr_update="step").rates is None


def test_no_epochs_need_no_learning_rates(read):
    assert retrain(read, epochs=0).rates == ()


def test_a_network_from_scratch_has_only_its_training(read):
    found = read('name = "a"\nscratch = true\n[retrain]\nepochs = 160')
    assert (found.is_scratch, found.epochs, found.pretrain.rates) == (True, 160, ())
    with pytest.raises(BadConfig, match="neither pretrained nor pruned"):
        read('name = "a"\nscratch = true\n[pretrain]\nepochs = 160')


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("name = ", BadConfig, "not valid TOML"),
        ('dataset = "a"', BadConfig, 'the key "name" is missing'),
        ('name = "a"\n\n[retrain]\nepoch = 3', UnknownName, 'line 4) is not known. Nearest: "epochs"'),
        ('name = "a"\nsparsity = 1.0', BadConfig, "line 2: sparsity: Input should be less than 1; found 1.0"),
        ('name = "a"\n[retrain]\nepochs = 3\nrates = [0.1, 0.1]', BadConfig, "2 rates for 3 epochs"),
        ('name = "a"\n[retrain]\nrates = [0.1, 0.1]', BadConfig, "rates need the number of epochs"),
        ('name = "a"\n[retrain]\nepochs = 1\nlr = 1.0\nrates = [0.1]', BadConfig, "leave one out"),
        ('name = "a"\n[retrain]\nepochs = 1\nlr = 1.0\nlr_schedule = "cos"', UnknownName, 'Nearest: "cosine"'),
        (
            'name = "a"\n[retrain]\nepochs = 1\nlr = 1.0\nlr_schedule = { id = "step", gamma = 1 }',
            UnknownName,
            'option of learning-rate schedule "step" "gamma"',
        ),
        ('name = "a"\nbase.weights = []', BadConfig, "weights"),
    ],
)
def test_a_mistake_is_refused_with_its_place(text, error, message, read):
    with pytest.raises(error, match=re.escape(message)):
        read(text)


def test_a_card_that_is_no_json_or_not_there_is_refused(read, tmp_path, catalog):
    with pytest.raises(BadConfig, match="not valid JSON"):
        read("{", "json")
    with pytest.raises(BadConfig, match="the whole: Input should be a valid dictionary"):
        read("[]", "json")
    with pytest.raises(UnknownName, match=r'key "epoch" .*Nearest: "epochs"'):
        read('{"name": "a", "retrain": {"epoch": 3}}', "json")
    with pytest.raises(BadConfig, match=r"card.json, retrain.epochs: Input should be .*; found -1"):
        read('{"name": "a", "retrain": {"epochs": -1}}', "json")
    with pytest.raises(BadOption, match="repro audit --template > "):
        read_card(tmp_path / "none.toml", catalog)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("deep.json", b"[" * 100_000 + b"]" * 100_000),
        ("deep.toml", b"a = " + b"[" * 20_000 + b"]" * 20_000),
        ("nan.json", b'{"name": "a", "speedup": NaN}'),
        ("long.json", b'{"name": "a", "rounds": ' + b"9" * 5000 + b"}"),
        ("long.toml", b'name = "a"\nrounds = ' + b"9" * 5000),
        ("inf.toml", b'name = "a"\nspeedup = inf'),
        ("twice.json", b'{"name": "a", "name": "b"}'),
        ("utf16.toml", 'name = "a"'.encode("utf-16")),
    ],
)
def test_a_hostile_card_is_refused_by_name(tmp_path, catalog, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises((BadConfig, BadOption), match=name):
        read_card(tmp_path / name, catalog)


def test_a_card_may_begin_with_a_byte_order_mark(tmp_path, catalog):
    (tmp_path / "card.toml").write_bytes(b'\xef\xbb\xbfname = "a"\n')
    assert read_card(tmp_path / "card.toml", catalog).name == "a"


def test_a_pipe_in_place_of_a_card_is_not_waited_for(tmp_path, catalog):
    os.mkfifo(tmp_path / "card.toml")
    with pytest.raises(BadOption, match=r"card\.toml"):
        read_card(tmp_path / "card.toml", catalog)
