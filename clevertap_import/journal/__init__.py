"""What CleverTap has accepted, what has no answer yet, and the locks beside it."""
