"""Papers as data: typed configs, the plan of stages, claims, verdicts and records."""
