"""The REST API of orders and stock."""
