"""A payment gateway for this machine: it moves no money and otherwise behaves like real ones, at their worst too.

    PAYMENT_GATEWAY_SECRET=whsec_... python -m deploy.gateway --port 8100 --webhook http://127.0.0.1:8000/payments/notices

What goes wrong is chosen by the card token or by the amount (`behaviours.py`; the page at `/` lists them). It listens
on the loopback address only and keeps everything in one SQLite file, so that it can be killed at any moment.
"""
