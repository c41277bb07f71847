"""The HTML pages of orders and stock."""
