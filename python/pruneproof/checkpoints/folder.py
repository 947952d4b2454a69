"""What lies in a model's folder beside its weights: copied, so that the output is a model again."""

import os
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from pruneproof.errors import StoreUnwritable

_OTHER_WEIGHTS = (
    r"\.(bin|pt|pth|ckpt|h5|keras|msgpack|gguf|ggml|onnx|onnx_data|ot|tflite|npz|pkl|distcp)$|\.index\.json$"
)
"""The weights in other formats, which a loader could take for the pruned ones."""
_OF_PARTS = r"\.(safetensors|bin)$|\.safetensors\.index\.json$"
"""Weights in folders below are those of other parts of the model, such as a dense layer behind an encoder."""


def beside(folder: Path, files: Collection[Path], output: Path) -> list[Path]:
    """Return the files of a model's folder and below it, relative to it, that belong to a pruned copy.

    These are configuration, tokenizer, code and texts. Left out are the checkpoint's own `files`, the `output`, what is
    hidden, and at the top all other weights: they are dense, and a loader could prefer them.
    """
    found = []
    own = {path.resolve() for path in files}
    for parent, below, names in os.walk(folder):
        here = Path(parent)
        below[:] = sorted(
            each for each in below if not each.startswith(".") and (here / each).resolve() != output.resolve()
        )
        for name in sorted(names):
            path = here / name
            if path.is_file() and not name.startswith(".") and path.resolve() not in own:
                found.append(path.relative_to(folder))
    return [path for path in found if not _is_other_weights(path)]


def _is_other_weights(path: Path) -> bool:
    if len(path.parts) > 1 and re.search(_OF_PARTS, path.name):
        return False
    return path.suffix == ".safetensors" or bool(re.search(_OTHER_WEIGHTS, path.name))


@contextmanager
def making(folders: Sequence[Path]) -> Iterator[None]:
    """Make folders that are not there, outer ones first; after an error those that were made are gone.

    Raises:
        StoreUnwritable: a folder cannot be made.
    """
    made = []
    try:
        for folder in folders:
            if not folder.exists():
                try:
                    folder.mkdir()
                except OSError as problem:
                    raise StoreUnwritable(f"the folder {folder} cannot be made: {problem}.") from problem
                made.append(folder)
        yield
    except BaseException:
        for folder in reversed(made):
            with suppress(OSError):  # somebody else has put something there
                folder.rmdir()
        raise
