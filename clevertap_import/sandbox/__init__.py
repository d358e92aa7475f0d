"""A local Snowflake and a faithful local CleverTap, each a process of its own, reached by URL."""

from pathlib import Path

EXAMPLES = Path(__file__).parent / "examples"
"""The imports of `demo` and `sandbox`, on the seeded shop; no other command runs them."""
