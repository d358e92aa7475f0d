"""`python -m clevertap_import`: the command without its script."""

from clevertap_import.cli import main

main(prog_name="clevertap-import")
