"""How apps plug into EventShop: one file `eventshop_plugin.py` for each app, found by convention."""
