"""Imports the *Online Retail* data set (UCI, doi 10.24432/C5BW33) by sending commands.

`parsing` turns lines into rows, `invoices` groups them, `stored_invoices` asks the store what is there, `cut_invoices`
finds the rows of an invoice that several files have parts of, `return_matching` what a cancellation returns, `commands`
builds the commands, `importer` puts these together.
"""
