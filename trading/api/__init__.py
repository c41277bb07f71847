"""The REST API of trades and trading accounts."""
