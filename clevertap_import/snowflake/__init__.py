"""Queries to Snowflake, and how their results are read."""
