"""Deterministic simulation: one seed drives network, clock, journal and scheduling of an import's processes."""
