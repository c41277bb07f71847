"""An app whose saga ends the thread that routes events, while the file that FAULT_FILE names exists."""
