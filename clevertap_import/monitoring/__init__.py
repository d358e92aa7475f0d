"""What a person who watches imports must know: one state for each import, computed from its facts."""
