"""All access to Kafka through kafka-python: clients, topics, transactions, reading."""
