"""Commands, events, aggregates and rules of users and their consents; imports no framework."""
