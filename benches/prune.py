"""Measure `repro prune` against reading its input twice and writing its output once, in one run on one disk.

    python benches/prune.py --gigabytes 4 --folder /some/disk [--cold]

The answer is checked: the count of zeros must be exact. Memory is the peak of the process's anonymous memory
(`RssAnon`), which is what no other process could use meanwhile. Needs Linux.
"""

import argparse
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

Answer = TypeVar("Answer")
PIECE = 1 << 20
TENSORS = 16
WIDTHS = {"F32": 4, "F16": 2, "BF16": 2}


def make(path: Path, size: int, dtype: str) -> None:
    """Write a checkpoint of `size` normal weights, each tensor of another scale."""
    rows = size // TENSORS // 4096
    each = rows * 4096 * WIDTHS[dtype]
    header = {
        f"layers.{i}.weight": {"dtype": dtype, "shape": [rows, 4096], "data_offsets": [i * each, (i + 1) * each]}
        for i in range(TENSORS)
    }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for i in range(TENSORS):
            for start in range(0, rows, 1024):
                weights = rng.standard_normal((min(1024, rows - start), 4096), dtype=np.float32) * np.float32(
                    0.5 + i / 8
                )
                file.write(encode(weights, dtype))


def encode(weights: "np.ndarray[tuple[int, int], np.dtype[np.float32]]", dtype: str) -> bytes:
    """Return the bytes of `weights` in a dtype of safetensors."""
    if dtype == "F16":
        return weights.astype(np.float16).tobytes()
    return weights.tobytes() if dtype == "F32" else (weights.view(np.uint32) >> 16).astype(np.uint16).tobytes()


def read(path: Path) -> None:
    """Read a file once, with all processors."""
    size, threads = path.stat().st_size, os.cpu_count() or 1
    descriptor = os.open(path, os.O_RDONLY)

    def part(thread: int) -> None:
        buffer = bytearray(PIECE)
        for start in range(thread * PIECE, size, threads * PIECE):
            os.preadv(descriptor, [buffer], start)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(part, range(threads)))
    os.close(descriptor)


def write(path: Path, size: int) -> None:
    """Write a file once, and bring it to the disk."""
    content = np.random.default_rng(0).bytes(PIECE)
    with path.open("wb", buffering=0) as file:
        for _ in range(size // PIECE):
            file.write(content)
        os.fsync(file.fileno())


def prune(source: Path, output: Path, options: list[str]) -> tuple[int, int]:
    """Prune in another process; return the weights alive and the process's peak of anonymous memory in bytes."""
    program = "import sys; from pruneproof.cli import execute; sys.exit(execute(sys.argv[1:]))"
    line = [sys.executable, "-c", program, "prune", str(source), "-o", str(output), "--json", *options]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        peak = 0
        while process.poll() is None:
            found = re.search(r"RssAnon:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
            peak = max(peak, int(found[1]) * 1024 if found else 0)
            time.sleep(0.005)
        assert process.stdout is not None
        answer = json.load(process.stdout)
    return answer["alive"], peak


def forget(path: Path) -> None:
    """Have the system drop what it has cached of a file."""
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)  # only pages that are on the disk are dropped
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def fastest(repeats: int, work: Callable[[], Answer], prepare: Callable[[], None]) -> tuple[float, list[Answer]]:
    """Return the least wall time of some repeats, in seconds, and all answers."""
    times, answers = [], []
    for _ in range(repeats):
        prepare()
        began = time.perf_counter()
        answers.append(work())
        times.append(time.perf_counter() - began)
    return min(times), answers


def main() -> None:
    """Make a checkpoint, time the parts and print the ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--gigabytes", type=float, default=4.0)
    parser.add_argument("--dtype", choices=sorted(WIDTHS), default="F32")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cold", action="store_true", help="read from the disk, not from the system's cache")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        source, output = Path(name) / "model.safetensors", Path(name) / "pruned.safetensors"
        make(source, int(arguments.gigabytes * 1e9) // WIDTHS[arguments.dtype], arguments.dtype)
        size = source.stat().st_size

        def prepare() -> None:
            output.unlink(missing_ok=True)
            if arguments.cold:
                forget(source)

        weights = size // (4096 * WIDTHS[arguments.dtype]) // TENSORS * TENSORS * 4096
        reading, _ = fastest(arguments.repeats, partial(read, source), prepare)
        writing, _ = fastest(arguments.repeats, partial(write, output, size), prepare)
        budget = 2 * reading + writing
        print(f"{size / 1e9:.2f} GB of {arguments.dtype}: read {reading:.2f} s, write {writing:.2f} s")
        print(f"{'options':24} {'seconds':>8} {'of 2 reads + 1 write':>22} {'peak anonymous MiB':>20}")
        for options in (["--sparsity", "0.5"], ["--sparsity", "0.9"], ["--sparsity", "0.99"], ["--structure", "2:4"]):
            seconds, answers = fastest(arguments.repeats, partial(prune, source, output, options), prepare)
            dropped = 0.5 if options[0] == "--structure" else float(options[1])
            expected = weights - int(weights * dropped + 1e-6)
            assert all(alive == expected for alive, _ in answers), (answers, expected)
            peak = max(peak for _, peak in answers)
            print(f"{' '.join(options):24} {seconds:8.2f} {seconds / budget:22.2f} {peak / 2**20:20.0f}")


if __name__ == "__main__":
    main()
