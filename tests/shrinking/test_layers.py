import subprocess
import sys

from torch import nn

from pruneproof.shrinking.layers import is_depthwise, layers


def test_depthwise_is_one_filter_for_each_channel():
    assert is_depthwise(nn.Conv2d(4, 4, 3, groups=4))
    assert not any(
        is_depthwise(each)
        for each in (nn.Conv2d(4, 4, 3), nn.Conv2d(4, 8, 3, groups=4), nn.Conv2d(4, 4, 3, groups=2), nn.Conv2d(1, 1, 1))
    )


def test_transposed_convolutions_and_recurrent_cells_are_no_layers():
    network = nn.ModuleList([nn.Conv1d(1, 1, 1), nn.ConvTranspose1d(1, 1, 1), nn.Linear(1, 1), nn.LSTM(1, 1)])
    assert list(layers(network)) == ["0", "2"]


def test_torch_pruning_is_imported_only_to_follow_a_network():
    for modules in (
        "pruneproof.structures.catalogue",
        "pruneproof.pipeline.network",
        "pruneproof.pipeline.kinds.train",
    ):
        code = f"import sys, {modules}; assert 'torch_pruning' not in sys.modules"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
