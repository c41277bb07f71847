"""Trades that a venue made public, as executions of one taker account per market.

`reading` turns the file into rows, `executions` joins those that were one order, `letters` writes the commands,
`sending` sends them. Everything follows from the file alone, so that a second run sends the same.
"""
