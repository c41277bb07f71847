"""The payment gateway over HTTP: an adapter of the port in `orders/application/payment_gateway_port.py`."""
