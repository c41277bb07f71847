"""Demo data for users, made by sending commands."""
