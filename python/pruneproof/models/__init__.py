"""Architectures by name, one file per family; `catalogue` lists them."""
