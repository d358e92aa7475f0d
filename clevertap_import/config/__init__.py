"""What an import's YAML says, read and checked."""
