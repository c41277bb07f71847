"""What pages and API share: read-your-writes, typed errors, the customer port."""
