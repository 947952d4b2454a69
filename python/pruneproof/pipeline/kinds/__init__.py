"""The kinds of stages, one file each: pure functions from inputs and the outputs of earlier stages to files."""
