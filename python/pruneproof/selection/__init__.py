"""Which weights survive: one door (`select`), allocations, floors, historic rules and the oracle."""
