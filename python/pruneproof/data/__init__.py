"""Data sets: named, checked, loaded into batches."""
