"""Built-in schedules, one file each."""
