"""Maps and checks all rows of a run, and stores them on disk, before one is sent."""
