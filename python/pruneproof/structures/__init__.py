"""Built-in structures: what lives and dies together, one file each."""
