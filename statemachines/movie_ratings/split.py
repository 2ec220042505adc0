"""Take the archive from S3, check every row, and cut the films into parts for the import.

Also creates the table that the import fills, while nothing else of the run is at work. Safe to do again: the
parts come out byte for byte the same, and a table that is there already is kept.
"""

import io
import zipfile
from itertools import pairwise

import boto3
from botocore.exceptions import ClientError
from films import Film, MovieRatingsError, read_films
from run_folder import CLIENT_CONFIG, RunFolder, arguments, run_script, say

KEY_SCHEMA = [{"AttributeName": "film", "KeyType": "HASH"}]


def unpack(archive: bytes, source: str) -> tuple[str, bytes]:
    """The name and the bytes of the one CSV file in a zip archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as members:
            names = [name for name in members.namelist() if name.endswith(".csv")]
            if len(names) != 1:
                raise MovieRatingsError(f"{source} must hold exactly one .csv file, not {len(names)}")
            return names[0], members.read(names[0])
    except zipfile.BadZipFile as error:
        raise MovieRatingsError(f"{source} is not a sound zip archive: {error}") from error


def share_out(films: list[Film], parts: int) -> list[list[Film]]:
    """Cut the films, in their order, into `parts` lists whose lengths differ by one at most."""
    if parts < 1:
        raise MovieRatingsError(f"parts must be 1 or more, not {parts}")
    ends = [len(films) * part // parts for part in range(parts + 1)]
    return [films[start:end] for start, end in pairwise(ends)]


def create_table(table: str) -> str:
    """Create the table if it is not there, wait until it takes writes, and return its id.

    The id tells this table from another one of the same name, after somebody deleted the first.
    """
    dynamodb = boto3.client("dynamodb", config=CLIENT_CONFIG)
    try:
        dynamodb.create_table(
            TableName=table,
            KeySchema=KEY_SCHEMA,
            AttributeDefinitions=[{"AttributeName": "film", "AttributeType": "N"}],
            BillingMode="PAY_PER_REQUEST",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceInUseException":
            raise
    dynamodb.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 2, "MaxAttempts": 60})
    found = dynamodb.describe_table(TableName=table)["Table"]
    if found["KeySchema"] != KEY_SCHEMA:
        raise MovieRatingsError(f"the table {table} is there already with another key; name another table")
    table_id: str = found["TableId"]
    return table_id


def main() -> None:
    parser = arguments("Split the archive of films into parts.")
    parser.add_argument("--archive", required=True, help="the key of the zip archive in the bucket")
    parser.add_argument("--table", required=True, help='the table to fill; "" for movie-ratings-<run id>')
    parser.add_argument("--parts", required=True, type=int, help="how many parts to make")
    options = parser.parse_args()
    folder = RunFolder(options.bucket, options.run)
    table = options.table or f"movie-ratings-{options.run}"

    archive = folder.archive(options.archive)
    name, data = unpack(archive, options.archive)
    say(f"fetched {options.archive} ({len(archive):,} bytes) and unpacked {name} ({len(data):,} bytes)")
    films = read_films(data, name)
    if not films:
        raise MovieRatingsError(f"{name} must hold one film or more, but has only its header")
    say(f"read {len(films):,} films; every row is sound")
    shares = share_out(films, options.parts)
    entries = [folder.write_part(part, share) for part, share in enumerate(shares)]
    say(f"wrote {len(entries)} parts of about {len(films) // len(entries):,} films to {folder.uri('parts/')}")
    table_id = create_table(table)
    say(f"the table {table} is ready")
    # Written last: who reads it may rely on all that it names.
    folder.write_json(
        "split.json",
        {
            "archive": options.archive,
            "films": len(films),
            "table": table,
            "table_id": table_id,
            "parts": entries,
        },
    )


if __name__ == "__main__":
    run_script(main)
