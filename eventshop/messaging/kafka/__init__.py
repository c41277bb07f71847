"""Everything that speaks to Kafka through kafka-python: clients, topics, transactions, reading."""
