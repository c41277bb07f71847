"""What differs between PostgreSQL and SQLite, behind one protocol."""
