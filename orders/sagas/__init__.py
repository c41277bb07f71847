"""The sagas (process managers) of orders and stock, and the effects they ask for; no framework."""
