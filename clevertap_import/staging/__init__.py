"""All rows of a run mapped, checked and kept on disk before one is sent."""
