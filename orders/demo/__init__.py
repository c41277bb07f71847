"""Demo data for orders and stock, made by sending commands."""
