"""Built-in criteria, one file per method or family."""
