"""Tamper evidence: each event carries a hash over the one before it; verification follows the chain."""
