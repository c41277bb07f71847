"""Find anything: the console's one search, over what the library and the apps know by a name or an id."""
