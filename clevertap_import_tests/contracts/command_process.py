"""Commands one after the other in one process, as many processes would each load Dagster again.

Each line of standard input is a JSON list of words; each line of standard output says what they came to.
"""

import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

from clevertap_import.cli.main import main


def outcome(words: list[str]) -> dict[str, object]:
    output, beside = StringIO(), StringIO()
    with redirect_stdout(output), redirect_stderr(beside):
        try:
            main(words, prog_name="clevertap-import")
            code: object = 0
        except SystemExit as end:
            code = end.code or 0
        except Exception as error:
            code = repr(error)
    return {"exit_code": code, "stdout": output.getvalue(), "stderr": beside.getvalue()}


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(json.dumps(outcome(json.loads(line))) + "\n")
        sys.stdout.flush()
