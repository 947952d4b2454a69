"""OPD between magnitude and Optimal Brain Damage."""

import pytest
import torch

from pruneproof.api import BadConfig, select
from pruneproof.criteria.loss_models import obd
from pruneproof_zoo.opd import opd

WEIGHTS = {"w": torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64)}


class Given:
    def __init__(self, *curvature):
        self.known = torch.tensor(curvature, dtype=torch.float64)

    def curvature(self, kind, **_):
        return {"w": self.known}


def test_without_curvature_it_is_the_ranking_of_magnitude():
    found = opd(WEIGHTS, Given(0.0, 0.0, 0.0, 0.0), precision=3.0)["w"]
    assert torch.equal(found, 3.0 * WEIGHTS["w"].square())


def test_without_a_prior_it_is_obd_and_with_one_its_penalty():
    probe = Given(4.0, 0.1, 9.0, 0.2)
    found = opd(WEIGHTS, probe, precision=0.0, samples=10)["w"]
    torch.testing.assert_close(found, 20 * obd(WEIGHTS, probe)["w"])
    found = opd(WEIGHTS, probe, precision=5.0, samples=10)["w"]
    torch.testing.assert_close(found, 20 * obd(WEIGHTS, probe, penalty=0.5)["w"])


def test_a_prior_of_each_weights_own_size_leaves_ties_which_a_selection_decides_exactly():
    # MacKay's limit, δ_k = 1/θ_k² without data: all scores are 1
    alone = [opd({"w": each[None]}, Given(0.0), precision=float(1 / each**2))["w"] for each in WEIGHTS["w"]]
    scores = {"w": torch.cat(alone).float()}
    assert scores["w"].tolist() == [1.0] * 4
    assert select(scores, score="given", sparsity=0.5).count() == 2


@pytest.mark.parametrize("options", [{"precision": -1.0}, {"samples": -1}, {"curvature": "hessian"}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(BadConfig, match="one of ggn, ggn-mc, fisher were expected"):
        opd(WEIGHTS, Given(0.0), **options)
