"""Built-in transforms, one file each."""
