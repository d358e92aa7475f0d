"""Tests of the report: its numbers, its plots, its page."""
