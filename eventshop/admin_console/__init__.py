"""The staff console: read-only admin pages of the event store, the sagas and the projections."""
