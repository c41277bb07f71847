"""One story as a tree, from the request over commands, events and sagas to the rows, found by any id of it."""
