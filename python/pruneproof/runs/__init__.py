"""Papers run, and records opened, from Python and from the command line alike."""
