"""The staff console of the event store: events, streams, receipts and correlations, to be read and never changed."""
