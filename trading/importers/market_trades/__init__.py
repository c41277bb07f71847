"""Imports public trades of a venue as executions of one taker account per market, by sending commands.

`parsing` turns lines into rows, `executions` groups those of one order, `stored_fills` asks the store what is there,
`commands` builds the commands, `importer` puts these together.
"""
