"""The relay: one leader copies committed events from the event table to Kafka, each exactly once."""
