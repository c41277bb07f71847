"""The trace of a correlation as a tree, from the request through commands, events and sagas to the read model rows."""
