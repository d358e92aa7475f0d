"""A project's folder of imports: found, checked, previewed."""
