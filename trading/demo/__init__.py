"""Demo data for trades and trading accounts, made by sending commands."""
