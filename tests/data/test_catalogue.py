import re

import pytest

from pruneproof.data.catalogue import DATASETS
from pruneproof.errors import DataMissing


def test_ids_are_kebab_case_and_unique():
    ids = [each.id for each in DATASETS]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in ids)


@pytest.mark.parametrize("data_set", DATASETS, ids=lambda each: each.id)
def test_a_data_set_is_embedded_or_says_what_is_missing_and_what_to_do(data_set, tmp_path):
    if data_set.embedded:
        data = data_set.load(tmp_path)
        assert data.size("train") > data.size("test") == data_set.test_samples > 0
        return
    with pytest.raises(DataMissing, match=f'^data set "{data_set.id}" is not in .* was expected there') as caught:
        data_set.load(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert (f"repro data fetch {data_set.id}" in str(caught.value)) == (data_set.fetch is not None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("data_set", DATASETS, ids=lambda each: each.id)
def test_the_number_of_test_samples_is_that_of_the_description(data_set):
    said = re.search(r"\+ ([\d,]+) (test|validation)", data_set.about)
    assert data_set.test_samples == (int(said[1].replace(",", "")) if said else None)
