"""Tests of the state of imports, which is computed from facts alone."""
