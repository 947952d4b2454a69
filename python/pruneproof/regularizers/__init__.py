"""Built-in regularizers, one file per method."""
