"""A simulated venue: it takes orders over HTTP and reports what it did with them in signed webhooks.

As strict as real ones: requests need the secret and a key, the same key is the same request, an order id is used once,
and what cannot be done is declined. Which behaviour an order gets follows from its symbol (`behaviours`).
"""
