"""Checkpoints as files: pruned as a stream, whatever their size."""
