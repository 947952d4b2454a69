"""Smaller networks: which channels belong together, and removing those that are dead without changing the outputs."""
