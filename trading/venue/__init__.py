"""The venue to which orders are sent: its HTTP client, its signed reports, and its health."""
