"""Commands, events, aggregates and rules of trades and accounts; no framework."""
