"""A local payment gateway: it moves no money, but otherwise behaves like real ones, including their failures.

    PAYMENT_GATEWAY_SECRET=whsec_... python -m deploy.gateway --port 8100 --webhook http://127.0.0.1:8000/payments/notices

The test card or the payment method chooses the failure (`behaviours.py`; the page at `/` lists them). The shop charges
a method at once, or creates a session, sends the customer to its card page, and charges the token with which the
customer comes back. The gateway listens on the loopback address only and keeps its state in one SQLite file, so that it
can be killed at any moment.
"""
