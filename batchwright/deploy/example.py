"""The movie-ratings example on a stage that has the Batch environment of infra/batch.yaml.

Owns what the example needs in the stage's bucket, and the params with which it starts there. Its job definition and its
role are the template's.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

WORKFLOW = "movie-ratings"
FOLDER = "movie_ratings"
"""Beside the workflow file; its commands name the scripts by this folder."""
ARCHIVE_KEY = "movie-ratings/movies.zip"
SCRIPTS_KEY = "movie-ratings/scripts.zip"
"""The job definition in infra/batch.yaml fetches the scripts from there."""
QUEUE_OUTPUT, DEFINITION_OUTPUT = "DefaultQueue", "MovieRatingsJobDefinition"
_SHA256 = "sha256"
_WHEN = (1980, 1, 1, 0, 0, 0)


def put_example(s3: Any, bucket: str, statemachines: Path) -> bool:
    """Put the archive and the scripts into the bucket; whether they changed. False if the folder has no example."""
    folder = statemachines / FOLDER
    if not folder.is_dir():
        return False
    wanted = {ARCHIVE_KEY: (folder / "movies.zip").read_bytes(), SCRIPTS_KEY: zipped_scripts(folder)}
    changed = {key: data for key, data in wanted.items() if _stored_digest(s3, bucket, key) != _digest(data)}
    for key, data in changed.items():
        s3.put_object(
            Bucket=bucket, Key=key, Body=data, ContentType="application/zip", Metadata={_SHA256: _digest(data)}
        )
    return bool(changed)


def zipped_scripts(folder: Path) -> bytes:
    """The scripts below the folder's name. The same scripts give the same bytes, so that a second deployment sees no
    change."""
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.glob("*.py")):
            entry = zipfile.ZipInfo(f"{FOLDER}/{path.name}", _WHEN)
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return into.getvalue()


def example_params(bucket: str, outputs: Mapping[str, str]) -> dict[str, str]:
    """The params of a run on the stage. `outputs` are those of infra/batch.yaml; without them, the queue and the job
    definition are left to the caller."""
    if QUEUE_OUTPUT not in outputs or DEFINITION_OUTPUT not in outputs:
        return {"bucket": bucket}
    return {"bucket": bucket, "queue": outputs[QUEUE_OUTPUT], "job_definition": outputs[DEFINITION_OUTPUT]}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _stored_digest(s3: Any, bucket: str, key: str) -> str | None:
    try:
        found = s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
            return None
        raise
    digest: str | None = found["Metadata"].get(_SHA256)
    return digest
