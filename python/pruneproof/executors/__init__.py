"""Built-in executors: where stages run, one file each."""
