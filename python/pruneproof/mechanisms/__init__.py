"""Exact checks: facts about masks and untrained networks, the same on every machine, in seconds."""
