"""Imports the *Online Retail* data set (UCI, doi 10.24432/C5BW33) by sending commands.

`parsing` turns the file into rows, `invoices` groups them, `return_matching` finds what a cancellation returns,
`commands` builds the commands, `batch_sender` sends them. Everything is derived from the file alone, so that a second
run sends the same commands.
"""
