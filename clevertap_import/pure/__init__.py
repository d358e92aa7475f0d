"""Decisions without effects: no clock, disk, network, log or Dagster."""
