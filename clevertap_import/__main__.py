"""`python -m clevertap_import`: the command without its script."""

from clevertap_import.cli.main import main

main(prog_name="clevertap-import")
