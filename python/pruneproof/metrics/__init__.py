"""Built-in metrics, one file per quantity or family."""
