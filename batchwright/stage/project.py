"""Where the project's files are: app.py, infra/, statemachines/."""

from __future__ import annotations

from pathlib import Path

PROJECT_FOLDER = Path(__file__).resolve().parents[2]
"""The folder of app.py: the clone that this package was installed from."""
