import json

import pytest
import torch

from pruneproof.errors import DeviceMissing
from pruneproof.pipeline.environment import PACKAGES, choose_device, describe_environment


def test_the_environment_names_versions_machine_and_engine_as_json():
    found = describe_environment("cpu")
    assert json.loads(json.dumps(found)) == found
    assert found["device"] == "cpu"
    assert torch.__version__.startswith(found["versions"]["torch"])
    assert set(found["versions"]) == set(PACKAGES)
    assert found["engine"]


def test_cpu_is_always_there_and_auto_takes_what_is_there():
    assert choose_device("cpu") == "cpu"
    assert choose_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_refused_with_what_to_do():
    with pytest.raises(DeviceMissing, match=r"--device cpu.*repro doctor"):
        choose_device("cuda")
