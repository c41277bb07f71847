"""Sagas (process managers) of trades and trading accounts; imports no framework."""
