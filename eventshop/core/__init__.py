"""Messages, aggregates, sagas, the message registry and serialization: pure Python and msgspec, no Django."""
