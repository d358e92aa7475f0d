"""A faithful local CleverTap, on a port of its own."""
