"""Built-in floors: the fewest units that each tensor keeps, one file each."""
