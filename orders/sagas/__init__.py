"""The sagas (process managers) of orders and stock, and the effects that they request; no framework."""
