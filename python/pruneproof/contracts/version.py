"""The version of the plugin API."""

API_VERSION = 2
"""Raised when a plugin written for the version before could break; a plugin may say `pruneproof_api = 2`."""
