"""The REST API of trades and accounts."""
