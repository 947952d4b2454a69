"""Built-in claim tests: from samples over seeds to an outcome."""
