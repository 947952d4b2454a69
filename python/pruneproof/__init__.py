"""Re-run what neural-network pruning papers claim: pinned experiments, exact selection, a verdict per claim.

Plugins import `pruneproof.api`. The command line tool is `repro`.
"""
