"""An app that makes the program one of the release before, while the file that OLDER_RELEASE names exists."""
