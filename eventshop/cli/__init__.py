"""Management commands of the library, and their progress bars, terminal output and file imports."""
