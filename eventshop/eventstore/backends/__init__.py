"""The storage backends for PostgreSQL and SQLite, behind one protocol."""
