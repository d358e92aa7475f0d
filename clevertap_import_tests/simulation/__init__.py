"""Deterministic simulation: one seed drives network, clock, journal and tasks of an import."""
