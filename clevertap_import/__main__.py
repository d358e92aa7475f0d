"""`python -m clevertap_import`: the same as the command `clevertap-import`."""

from clevertap_import.cli.main import main

main(prog_name="clevertap-import")
