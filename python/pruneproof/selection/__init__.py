"""Which weights survive: one function (`select_candidates`) for every selection, and the slow oracle."""
