"""The event store: events and receipts in one append-only place, and the only code that writes them."""
