"""Built-in mask searches, one file per method."""
