"""Use cases and ports of trades and accounts: between the domain and the edges."""
