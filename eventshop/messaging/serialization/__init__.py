"""Avro encoding of events on Kafka, their published schemas, and compatibility checks."""
