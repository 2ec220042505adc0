"""Who may call the local Batch: an AWS client of this machine, and no page in a browser.

Jobs are commands, so whoever can submit one can do what the user can. A page names its own origin or another host, and
cannot send an Authorization header without asking first.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from batchwright.local.batch.errors import AccessDenied

_HOSTS = ("127.0.0.1", "localhost")
_SIGNED = "AWS4-HMAC-SHA256 "


def check_caller(headers: Mapping[str, str]) -> None:
    """Raises AccessDenied for a caller that is no AWS client. What the signature says does not matter here."""
    host = urlsplit(f"//{headers.get('Host', '')}").hostname
    if host not in _HOSTS or "Origin" in headers:
        raise AccessDenied("this local Batch serves AWS clients alone, at 127.0.0.1 or localhost")
    if not headers.get("Authorization", "").startswith(_SIGNED):
        raise AccessDenied("Missing Authentication Token")
