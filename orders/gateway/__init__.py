"""The payment gateway behind the port in `orders.payments`: over HTTP, on record, with its notices."""
