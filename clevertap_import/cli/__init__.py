"""The command `clevertap-import`."""
