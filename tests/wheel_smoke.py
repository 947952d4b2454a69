"""What an installed package can do anywhere, Windows included: papers, records, the template, selection, the command.

Run by tests/wheel_test.sh and by the workflows, with the interpreter in whose environment the package is installed.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path


def main() -> None:
    """Use the package from an empty folder."""
    os.chdir(tempfile.mkdtemp())
    import torch

    import pruneproof as pp

    assert "site-packages" in str(Path(pp.__file__)), f"{pp.__file__} is a checkout, not an installed package"
    view = pp.load_record("global-mp", "mini")
    assert view.cells(), "no record in the package"
    masks = pp.select(torch.nn.Linear(20, 10), sparsity=0.9)
    assert masks.count() == 20, masks
    part = pp.run("global-mp", only=["m1", "m11"], numerics="native", workers=1, store="store", progress=False)
    assert {part.verdicts[each] for each in ("m1", "m11")} == {"holds"}, part.verdicts
    command = [sys.executable, "-c", "from pruneproof.cli import main; main()"]
    for arguments in (["--version"], ["list"], ["new", "criterion", "my-score"], ["show", "global-mp"]):
        subprocess.run([*command, *arguments], check=True)
    assert (Path("my-score") / "pyproject.toml").is_file()


if __name__ == "__main__":
    main()
