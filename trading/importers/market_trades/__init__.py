"""Imports public trades of a venue as executions of one taker account per market, by sending commands.

`parsing` turns the file into rows, `executions` groups the rows of one order, `commands` builds the commands,
`batch_sender` sends them. Everything is derived from the file alone, so that a second run sends the same commands.
"""
