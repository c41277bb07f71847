"""The access log: who read which events, states, rows and personal values, through which door, and why."""
