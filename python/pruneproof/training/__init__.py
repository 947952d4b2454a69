"""Training under a mask: what a criterion may look at, what the mask enforces, and where randomness comes from."""
