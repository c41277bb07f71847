"""Avro encoding of events on Kafka, the published schemas, and compatibility checks."""
