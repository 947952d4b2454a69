"""A second ring of pruning methods for pruneproof, one file per method or family."""
