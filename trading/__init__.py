"""Trades, accounts and positions."""
