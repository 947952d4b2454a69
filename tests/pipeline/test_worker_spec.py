"""What a worker loads when it starts."""

import json
import subprocess
import sys

CODE = """
import json, sys
from pathlib import Path
from pruneproof.contracts.dataset import DataSet
from pruneproof.pipeline.worker_spec import WorkerSpec
worker = WorkerSpec(("builtin",), Path(sys.argv[1]), Path(sys.argv[1])).open()
worker.catalog.get(DataSet, "digits").load(None)
print(json.dumps([name for name in ("scipy", "sklearn", "torchvision", "torch._dynamo") if name in sys.modules]))
"""


def test_a_worker_starts_without_libraries_that_only_judging_drawing_and_compiling_need(tmp_path):
    found = subprocess.run([sys.executable, "-c", CODE, tmp_path], capture_output=True, text=True, check=True)
    assert json.loads(found.stdout) == []
