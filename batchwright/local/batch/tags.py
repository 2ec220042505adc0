"""Tags by ARN, and the three operations on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from batchwright.local.batch.errors import ClientError

MAXIMUM_TAGS = 50


class Tags:
    """`changed(arn)` is called after a tag was added or removed through the API."""

    def __init__(self) -> None:
        self._tags: dict[str, dict[str, str]] = {}
        self.changed: Callable[[str], None] = lambda arn: None

    def put(self, arn: str, tags: Mapping[str, str]) -> None:
        """Set the tags of a new resource, which makes it known here. Raises ClientError above 50 tags."""
        _check(tags)
        self._tags[arn] = dict(tags)

    def of(self, arn: str) -> dict[str, str]:
        return dict(self._tags.get(arn, {}))

    def tag_resource(self, request: Mapping[str, Any]) -> dict[str, Any]:
        merged = {**self._known(request["resourceArn"]), **request["tags"]}
        _check(merged)
        self._tags[request["resourceArn"]] = merged
        self.changed(request["resourceArn"])
        return {}

    def untag_resource(self, request: Mapping[str, Any]) -> dict[str, Any]:
        tags = self._known(request["resourceArn"])
        for key in request["tagKeys"]:
            tags.pop(key, None)
        self.changed(request["resourceArn"])
        return {}

    def list_tags_for_resource(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return {"tags": dict(self._known(request["resourceArn"]))}

    def _known(self, arn: str) -> dict[str, str]:
        if arn not in self._tags:
            raise ClientError(f"Resource not found: {arn}")
        return self._tags[arn]


def _check(tags: Mapping[str, str]) -> None:
    if len(tags) > MAXIMUM_TAGS:
        raise ClientError(f"A resource can have {MAXIMUM_TAGS} tags, not {len(tags)}")
