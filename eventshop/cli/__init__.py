"""What the command line needs: management commands, progress bars, output, importing files."""
