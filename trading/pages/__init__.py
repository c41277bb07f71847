"""The HTML pages of trades and accounts."""
