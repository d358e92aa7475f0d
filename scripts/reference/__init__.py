"""What is generated and never written by hand: docs/reference.md and docs/import.schema.json."""
