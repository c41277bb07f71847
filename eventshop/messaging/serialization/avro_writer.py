"""Compiles a schema into a Python function that writes its values: in half the time of fastavro's general writer.

Payloads take most of the relay's time. Python's own `dataclasses` compiles methods in the same way. A schema with a
type that events do not use is not compiled; fastavro writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, count
from typing import Any, Final, TypeAlias

from eventshop.messaging.serialization.cloud_event_layout import encode_number
from eventshop.messaging.serialization.schema_registry import Schema

#: Appends the parts of a value's encoding. Raises `KeyError`, `TypeError`, `AttributeError` or `ValueError` for a value
#: that does not fit the schema.
WriteValue: TypeAlias = Callable[[Any, list[bytes]], None]


class NotCompiled(Exception):
    """A schema with a type for which no code is generated."""


class _Numbers(dict[int, bytes]):
    """Avro's encoding of numbers; that of small ones is remembered."""

    def __missing__(self, number: int) -> bytes:
        if not -(2**63) <= number < 2**63:
            raise ValueError(f"{number} does not fit 64 bits")
        encoded = encode_number(number)
        if 0 <= number < 4_096:
            self[number] = encoded
        return encoded


_NUMBERS: Final = _Numbers()


def compile_writer(schema: Schema) -> WriteValue:
    """Return a function that writes values of a schema. Raises `NotCompiled`."""
    compiler = _Compiler()
    body = list(compiler.write_statements(schema, "value"))
    source = "\n".join([*compiler.functions, _function("write", body)])
    names: dict[str, Any] = {"numbers": _NUMBERS}
    exec(source, names)  # noqa: S102  (made of published schemas alone; names of fields are quoted)
    write: WriteValue = names["write"]
    return write


def _function(name: str, body: list[str]) -> str:
    return "\n".join([f"def {name}(value, out):", *(f"    {line}" for line in body)])


class _Compiler:
    """Generates statements that append the encoding of a value to `out`; a function of its own for each record."""

    def __init__(self) -> None:
        self.functions: list[str] = []
        self._by_name: dict[str, str] = {}
        self._numbers = count()

    def write_statements(self, schema: Schema, value: str) -> Iterator[str]:
        """Yield the statements for a value, which is a name or an expression without side effects."""
        match schema:
            case "string" | {"type": "string"}:
                text = self._new_name()
                yield f"{text} = {value}.encode()"
                yield f"out += (numbers[len({text})], {text})"
            case "long" | {"type": "long"}:
                yield from self._check(value, "int")
                yield f"out.append(numbers[{value}])"
            case "boolean" | {"type": "boolean"}:
                yield from self._check(value, "bool")
                yield f"out.append(b'\\x01' if {value} else b'\\x00')"
            case ["null", other]:
                yield f"if {value} is None: out.append(b'\\x00')"
                yield "else:"
                yield "    out.append(b'\\x02')"
                yield from (f"    {line}" for line in self.write_statements(other, value))
            case {"type": "array", "items": item}:
                yield from self._check(value, "list")
                element = self._new_name()
                yield from self._write_block(value, value, element, self.write_statements(item, element))
            case {"type": "map", "values": item}:
                yield from self._check(value, "dict")
                key, element = self._new_name(), self._new_name()
                lines = chain(self.write_statements("string", key), self.write_statements(item, element))
                yield from self._write_block(value, f"{value}.items()", f"{key}, {element}", lines)
            case {"type": "record", "name": str() as name, "fields": fields}:
                yield f"{self._compile_record(name, fields)}({value}, out)"
            case str() as name if name in self._by_name:
                yield f"{self._by_name[name]}({value}, out)"
            case _:
                raise NotCompiled(schema)

    def _write_block(self, collection: str, items: str, names: str, body: Iterable[str]) -> Iterator[str]:
        yield f"if {collection}: out.append(numbers[len({collection})])"
        yield f"for {names} in {items}:"
        yield from (f"    {line}" for line in body)
        yield "out.append(b'\\x00')"

    def _compile_record(self, name: str, fields: list[Schema]) -> str:
        function = self._by_name[name] = f"write_{next(self._numbers)}"
        body = [
            f"if len(value) != {len(fields)}:",
            f"    raise ValueError(f'{name} has fields that its schema lacks, or lacks some: {{sorted(value)}}')",
        ]
        for field in fields:
            local = self._new_name()
            body += [f"{local} = value[{field['name']!r}]", *self.write_statements(field["type"], local)]
        self.functions.append(_function(function, body))
        return function

    def _check(self, value: str, kind: str) -> Iterator[str]:
        yield f"if type({value}) is not {kind}:"
        yield f"    raise TypeError(f'{{{value}!r}} is no {kind}')"

    def _new_name(self) -> str:
        return f"v{next(self._numbers)}"
