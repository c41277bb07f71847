"""The event log: all events in order, as projections and sagas read it."""
