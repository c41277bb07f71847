"""Commands, events, aggregates and rules of trades and trading accounts; imports no framework."""
