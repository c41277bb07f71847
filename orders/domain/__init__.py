"""Commands, events, aggregates and rules of orders and stock; no framework."""
