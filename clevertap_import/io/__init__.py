"""Each file acts on one outside thing."""
