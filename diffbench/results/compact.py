"""Long lists in a results file: compressed where they are long, plain where they are not.

A list of more than `LONG` entries is written as an object,

    {"encoding": "zlib+base64", "dtype": "float64", "size": 2000, "data": "eNo…"}

its numbers as little-endian 8-byte values, which come back bit for bit; anything else as
JSON (`dtype` is then `json`, and `size` a number of bytes). In memory a list is
always a list, and a plain list of any length is read as well.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

__all__ = ["LONG", "MOST_BYTES", "Compact", "declared_bytes"]

LONG = 256
"""The longest list that is written plainly."""

MOST_BYTES = 1 << 26
"""Most bytes that the lists of a file may be unpacked to; more is refused unread."""

_Dtype = Literal["float64", "int64", "json"]
_NUMBER_BYTES = 8
_LITTLE_ENDIAN: Mapping[str, str] = {"float64": "<f8", "int64": "<i8"}


@dataclass(frozen=True, slots=True)
class Compact:
    """Marks a list of a pydantic model as one that is written compactly where it is long.

    `Annotated[list[float], Compact("float64")]`. What is read is checked as the list's own
    type says, however it was written.
    """

    dtype: _Dtype

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Read and write around the list's own schema."""
        return core_schema.no_info_before_validator_function(
            self._read,
            handler(source),
            serialization=core_schema.plain_serializer_function_ser_schema(
                self._write, when_used="json"
            ),
        )

    def _write(self, entries: list[Any]) -> Any:
        if len(entries) <= LONG:
            return entries
        if self.dtype == "json":
            content = json.dumps(entries, separators=(",", ":")).encode()
            size = len(content)
        else:
            content = np.asarray(entries, dtype=_LITTLE_ENDIAN[self.dtype]).tobytes()
            size = len(entries)
        return {
            "encoding": "zlib+base64",
            "dtype": self.dtype,
            "size": size,
            "data": base64.b64encode(zlib.compress(content, 9)).decode(),
        }

    def _read(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        written = _Written.model_validate(value)
        if written.dtype != self.dtype:
            raise ValueError(f"dtype is {written.dtype}, not {self.dtype}")
        if self.dtype == "json":
            return _from_json(_inflate(written.data, written.size))
        content = _inflate(written.data, written.size * _NUMBER_BYTES)
        return np.frombuffer(content, dtype=_LITTLE_ENDIAN[self.dtype]).tolist()


def declared_bytes(content: Any) -> int:
    """Sum what all compact lists of a file's content declare that they unpack to."""
    total, waiting = 0, [content]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, dict):
            waiting.extend(value.values())
            size = value.get("size") if "encoding" in value else None
            # One below zero, which the schema refuses, must not make room for another.
            if isinstance(size, int) and size > 0:
                total += size if value.get("dtype") == "json" else size * _NUMBER_BYTES
    return total


class _Written(BaseModel):
    """A long list as it stands in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    encoding: Literal["zlib+base64"]
    dtype: _Dtype
    size: Annotated[int, Field(ge=0)]
    data: str


def _inflate(data: str, n_bytes: int) -> bytes:
    """Decompress to exactly the declared number of bytes, and never to many more."""
    if n_bytes > MOST_BYTES:
        raise ValueError(f"size declares {n_bytes} bytes; at most {MOST_BYTES} are read")
    stream = zlib.decompressobj()
    try:
        # One byte more than declared shows that there are more.
        content = stream.decompress(base64.b64decode(data, validate=True), n_bytes + 1)
    except (zlib.error, ValueError) as error:
        raise ValueError(f"data cannot be decompressed ({error})") from None
    if len(content) != n_bytes or not stream.eof or stream.unused_data:
        raise ValueError(f"data does not hold the {n_bytes} bytes that size declares")
    return content


def _from_json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("data is nested too deeply") from None
