"""The version of this Batchwright, for a Lambda has no package to ask. pyproject.toml has the same."""

VERSION = "0.1.0"
