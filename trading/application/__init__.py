"""Use cases and ports of trades and trading accounts, between the domain and the edges."""
