"""Django's PostgreSQL engine, which finds out without a round trip whether a connection still lives."""
