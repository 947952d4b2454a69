from pathlib import Path

import numpy as np
import torch
from sklearn import datasets

from pruneproof.data.digits import load_digits


def test_every_third_digit_is_test_and_pixels_are_those_of_scikit_learn():
    data, original = load_digits(Path("nowhere")), datasets.load_digits()
    assert (data.size("train"), data.size("test"), data.shape, data.classes) == (1198, 599, (1, 8, 8), 10)
    pixels, labels = data.splits["test"]
    np.testing.assert_array_equal(pixels[:, 0].numpy(), original.images[::3])
    np.testing.assert_array_equal(labels.numpy(), original.target[::3])
    train = np.arange(1797) % 3 != 0
    np.testing.assert_array_equal(data.splits["train"][0][:, 0].numpy(), original.images[train])


def test_training_inputs_have_zero_mean_and_unit_deviation():
    inputs = torch.cat([batch for batch, _ in load_digits(Path()).batches("train", 256)])
    torch.testing.assert_close(inputs.mean(), torch.tensor(0.0), atol=1e-5, rtol=0)
    torch.testing.assert_close(inputs.std(correction=0), torch.tensor(1.0), atol=1e-5, rtol=0)


def test_the_folder_does_not_matter(tmp_path):
    assert load_digits(tmp_path).fingerprint == load_digits(Path("nowhere")).fingerprint
