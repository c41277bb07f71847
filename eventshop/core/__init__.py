"""Messages, aggregates, names and codec: pure Python and msgspec, no Django."""
