"""From columns of rows to CleverTap's records, with every reason to reject one."""
