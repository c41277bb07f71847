"""What health measured, kept for a few days by the minute and for a year by the hour, for charts in the console."""
