"""The files of a local AWS for tools that want a profile: `default`, with its region, keys and endpoints.

Owns what is in them, and the variables that name them. Without them such a tool finds no profile at all, because the
user's own files lead to another AWS and are shut out.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_ENDPOINT = "AWS_ENDPOINT_URL"
_SERVICES = "local"


def write_profile(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Write both files into a folder; the variables that name them."""
    folder.mkdir(parents=True, exist_ok=True)
    config, credentials = folder / "config", folder / "credentials"
    _write(config, _config(environment))
    keys = {name.lower(): environment[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    _write(credentials, _section("default", keys))
    return {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": str(credentials)}


def _config(environment: Mapping[str, str]) -> str:
    default = {
        "region": environment["AWS_DEFAULT_REGION"],
        "endpoint_url": environment[_ENDPOINT],
        "services": _SERVICES,
    }
    beginning = f"{_ENDPOINT}_"
    of_services = {name: url for name, url in sorted(environment.items()) if name.startswith(beginning)}
    services = "".join(
        f"{name.removeprefix(beginning).lower()} =\n  endpoint_url = {url}\n" for name, url in of_services.items()
    )
    return f"{_section('default', default)}\n[services {_SERVICES}]\n{services}"


def _section(name: str, settings: Mapping[str, str]) -> str:
    lines = "".join(f"{setting} = {value}\n" for setting, value in settings.items())
    return f"[{name}]\n{lines}"


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
