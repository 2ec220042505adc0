"""The run's folder in the bucket, `runs/<run id>/`, through which one task hands its work to the next.

Owns the keys, the JSON and the compressed parts stored there, and how a script starts and ends. What a film is
lies in films.py.

    split.json                what the archive held, how it was cut, and which table the films go to
    parts/00003.csv.gz        part 3 of the films
    imported/00003.json       left by the import once part 3 is in the table
    statistics/decade.json    and genre.json
    check.json                how many films the table really holds
    report.json, report.html  the result
"""

import argparse
import gzip
import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from films import Film, MovieRatingsError, read_films, write_films

# Values are checked in films.py already; botocore's own check would cost the import half as much processor time again.
CLIENT_CONFIG = Config(
    parameter_validation=False,
    max_pool_connections=32,
    retries={"mode": "standard", "total_max_attempts": 8},
)
_MISSING = {"NoSuchKey", "NoSuchBucket", "404"}


class RunFolder:
    """Reads and writes the objects of one run. Raises MovieRatingsError where an object is not there."""

    def __init__(self, bucket: str, run: str) -> None:
        self.bucket = bucket
        self.run = run
        self._s3 = boto3.client("s3", config=CLIENT_CONFIG)

    def uri(self, name: str) -> str:
        return f"s3://{self.bucket}/{self._key(name)}"

    def archive(self, key: str) -> bytes:
        """The archive's bytes; it lies outside the run's folder, because many runs may use it."""
        data = self._get(key)
        if data is None:
            raise MovieRatingsError(
                f"there is no s3://{self.bucket}/{key}; put the archive there first: "
                f"aws s3 cp statemachines/movie_ratings/movies.zip s3://{self.bucket}/{key}"
            )
        return data

    def write(self, name: str, data: bytes, content_type: str) -> None:
        self._s3.put_object(Bucket=self.bucket, Key=self._key(name), Body=data, ContentType=content_type)

    def write_json(self, name: str, value: Any) -> None:
        text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
        self.write(name, text.encode("utf-8"), "application/json")

    def read_json(self, name: str) -> Any:
        found = self.find_json(name)
        if found is None:
            raise MovieRatingsError(f"there is no {self.uri(name)}; has the task that writes it succeeded?")
        return found

    def find_json(self, name: str) -> Any | None:
        """The stored value, or None where nothing is stored."""
        data = self._get(self._key(name))
        return None if data is None else json.loads(data)

    def write_part(self, part: int, films: Iterable[Film]) -> dict[str, Any]:
        """Store one part and return its entry for split.json: `part`, `films` (a count) and `sha256`."""
        films = list(films)
        # mtime=0: the same films give the same bytes, so a repeated split does not look like a change.
        data = gzip.compress(write_films(films), compresslevel=6, mtime=0)
        self.write(_part_name(part), data, "application/gzip")
        return {"part": part, "films": len(films), "sha256": hashlib.sha256(data).hexdigest()}

    def read_part(self, part: int) -> list[Film]:
        data = self._get(self._key(_part_name(part)))
        if data is None:
            raise MovieRatingsError(f"there is no {self.uri(_part_name(part))}; has the split succeeded?")
        return read_films(gzip.decompress(data), self.uri(_part_name(part)))

    def read_all_parts(self) -> Iterator[Film]:
        for entry in self.read_json("split.json")["parts"]:
            yield from self.read_part(entry["part"])

    def _key(self, name: str) -> str:
        return f"runs/{self.run}/{name}"

    def _get(self, key: str) -> bytes | None:
        try:
            body: bytes = self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return None
            raise
        return body


def _part_name(part: int) -> str:
    return f"parts/{part:05d}.csv.gz"


def arguments(description: str) -> argparse.ArgumentParser:
    """The options that every script of this folder takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--bucket", required=True, help="the bucket that holds the archive and the runs")
    parser.add_argument("--run", required=True, help="the run's id")
    return parser


def say(line: str) -> None:
    """One line for whoever watches the log, at once."""
    print(line, flush=True)


def run_script(main: Callable[[], None]) -> None:
    """Run `main` and exit: 0 when it returns, 1 with one sentence on stderr when it met an expected error."""
    try:
        main()
    except MovieRatingsError as error:
        sys.exit(str(error))
    except (ClientError, BotoCoreError) as error:
        # botocore's messages name the operation and the reason; a stack trace of its inside would add nothing.
        sys.exit(f"AWS refused or did not answer: {' '.join(str(error).split())}")
