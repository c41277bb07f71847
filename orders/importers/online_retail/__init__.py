"""Sales of the *Online Retail* data set (UCI, doi 10.24432/C5BW33) as commands.

`reading` turns the file into rows, `invoices` groups them, `matching` finds what a cancellation returns, `letters`
writes the commands, `sending` sends them. Everything follows from the file alone, so that a second run sends the same.
"""
