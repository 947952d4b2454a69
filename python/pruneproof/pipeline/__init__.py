"""Executes plans: stages, the store that remembers them, and the executors that spread them over processes."""
