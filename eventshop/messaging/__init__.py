"""The event log: every event in order, as the projections read it."""
