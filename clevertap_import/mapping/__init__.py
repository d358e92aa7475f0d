"""Maps columns of rows to CleverTap's records, and rejects wrong rows with a reason."""
