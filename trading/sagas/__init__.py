"""The sagas (process managers) of trades and accounts, and the effects they ask for; no framework."""
