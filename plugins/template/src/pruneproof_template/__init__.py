"""A plugin of pruneproof: each module here registers one thing, under the entry points of pyproject.toml."""
