"""What is made from the code, or looks at it; in no wheel."""
