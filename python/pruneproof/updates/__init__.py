"""Built-in mask updates, one file per method."""
