"""Looks the pinned packages up among known vulnerabilities, by pip-audit; ends with 1 if there are some.

Where it cannot look, without a network or a package index, it says why, and ends with 0.
"""

import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOME = ROOT / ".venv-audit"
SECONDS = 600


def main() -> int:
    tool = shutil.which("pip-audit") or installed()
    if tool is None:
        return skipped("pip-audit is not installed, and pip cannot install it from here")
    words = ["--requirement", str(ROOT / "constraints.txt"), "--no-deps", "--disable-pip", "--format", "json"]
    try:
        done = run(tool, *words, "--progress-spinner", "off")
        found = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        return skipped("pip-audit gave no answer; most often there is no network")
    known = [(each["name"], each["version"], bad) for each in found for bad in each.get("vulns", ())]
    for name, version, bad in known:
        fixed = ", ".join(bad.get("fix_versions", ())) or "no version yet"
        sys.stdout.write(f"{name} {version}: {bad['id']}, fixed in {fixed}\n")
    sys.stdout.write(f"{len(found)} packages looked up, {len(known)} known vulnerabilities.\n")
    return 1 if known else 0


def installed() -> str | None:
    """pip-audit in an environment of its own, so that it is none of the packages that it looks up."""
    tool = HOME / "bin" / "pip-audit"
    if not tool.exists():
        venv.create(HOME, with_pip=True)
        done = run(
            str(HOME / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "pip-audit"
        )
        if done.returncode:
            return None
    return str(tool)


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603


def skipped(reason: str) -> int:
    sys.stdout.write(f"Not audited: {reason}. Nothing is known of the packages in constraints.txt.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
