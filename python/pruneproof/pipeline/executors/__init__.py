"""Ways to spread stages over processes."""
