"""Commands, events, aggregates and rules of people and their consents; no framework."""
