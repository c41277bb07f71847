"""The relay: copies committed events from the table to Kafka, exactly once, under one leader."""
