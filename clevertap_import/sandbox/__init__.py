"""A local Snowflake and a faithful local CleverTap. Each is a process of its own, with a URL."""

from pathlib import Path

EXAMPLES = Path(__file__).parent / "examples"
"""The imports of `demo` and `sandbox`, from the seeded shop; no other command runs them."""
