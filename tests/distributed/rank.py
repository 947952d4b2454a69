"""One process of a group: `rank.py RANK SIZE FOLDER`. Takes calls from its standard input and answers on its output.

A call is the pickle of (number of ranks that take part, name of a function here, its arguments for this rank); the
answer is the pickle of ("ok", result) or (name of the error's class, its text).
"""

import os
import pickle
import sys
import threading
import time
from datetime import timedelta

import torch
import torch.distributed as dist

from pruneproof.distributed import Shard, global_threshold, select_masks_sharded
from pruneproof.distributed.exchange import Exchange


def threshold(group, shards, **asked):
    """Return the threshold of shards that come as the fields of `Shard`."""
    return global_threshold([Shard(*fields) for fields in shards], group=group, **asked)


def masks(group, shards, **asked):
    """Return the masks of the shards."""
    return select_masks_sharded([Shard(*fields) for fields in shards], group=group, **asked)


def ask_by_rank(group, shards):
    """Ask for another number on each rank."""
    return masks(group, shards, keep=1 + dist.get_rank(group))


def fail_while_counting(group, shards, failing):
    """Let one rank fail between two exchanges of counts, and say whether the exchanges go on in step after that."""
    ranks = Exchange(group)

    def count():
        if dist.get_rank(group) == failing:
            raise MemoryError("no room for the counts")
        return torch.ones(3, dtype=torch.int64)

    ranks.sum(lambda: torch.ones(3, dtype=torch.int64), 3)
    try:
        return ranks.sum(count, 3)
    finally:
        assert ranks.sum(lambda: torch.ones(3, dtype=torch.int64), 3) == [dist.get_world_size(group)] * 3


def fail_at_the_end(group, shards, failing):
    """Let one rank fail in work that needs no exchange any more."""
    return Exchange(group).all_or_none(lambda: 1 // (dist.get_rank(group) - failing) * 0)


def die(group, shards):
    """End this process without a word."""
    os._exit(1)


def end_with_parent():
    """End this process, whatever it waits for, when those who started it are gone."""
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def main():
    """Answer calls until the input ends."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    rank, size, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    torch.set_num_threads(1)
    store = dist.FileStore(f"{folder}/store", size)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=size, timeout=timedelta(seconds=30))
    groups = {part: dist.new_group(range(part)) for part in range(1, size + 1)}
    while True:
        try:
            part, name, arguments = pickle.load(sys.stdin.buffer)
        except EOFError:
            os._exit(0)  # without a last word to ranks that may be gone
        try:
            answer = ("ok", globals()[name](groups[part], *arguments[0], **arguments[1]))
        except Exception as problem:
            answer = (type(problem).__name__, str(problem))
        pickle.dump(answer, sys.stdout.buffer)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
