"""What importers of files share: lines with their numbers, refusals by name, progress, and stopping in good order."""
