"""The HTML pages of trades and trading accounts."""
