"""Built-in kinds of figures, one file each."""
