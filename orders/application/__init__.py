"""Use cases and ports of orders and stock: between the domain and the edges."""
