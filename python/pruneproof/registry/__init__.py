"""Who registered what: hooks, plugin loading and the frozen catalog."""
