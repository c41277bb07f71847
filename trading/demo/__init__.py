"""Demo data for trades and accounts, made by sending commands."""
