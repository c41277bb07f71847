"""What goes on over time: processes, timers, and calls to the world outside."""
