"""Tamper evidence: the hash of each event covers the hash of the previous event; verification follows the chain."""
