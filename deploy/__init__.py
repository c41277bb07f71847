"""Starting EventShop and what it stands on, on one machine."""
