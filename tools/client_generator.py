"""Generates types and operations of the Python client from the OpenAPI document: `python -m tools.client_generator`.

The document's components become `TypedDict`s, and each operation a method of `Operations`.
"""

from __future__ import annotations

import json
import keyword
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent
FOLDER: Final = ROOT / "clients" / "python" / "eventshop_client"
DOCUMENT: Final = ROOT / "schemas" / "openapi.json"

_SIMPLE: Final = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
#: Headers that the client adds by itself.
_AUTOMATIC: Final = frozenset(("Consistency-Token",))
_HEADER: Final = (
    '"""{about} Generated from schemas/openapi.json: do not edit."""\n\nfrom __future__ import annotations\n\n'
)


def main() -> None:
    """Write both files."""
    for name, text in render().items():
        (FOLDER / name).write_text(text)
        print(f"{name} written")


def render() -> dict[str, str]:
    """The text of each generated file by its name, formatted; a test compares them with the files."""
    document = json.loads(DOCUMENT.read_text())
    files = {"types.py": render_types(document), "operations.py": render_operations(document)}
    return {name: _format(text) for name, text in files.items()}


def render_types(document: dict[str, Any]) -> str:
    text = _HEADER.format(about="The bodies of requests and responses, and the data of events.")
    text += "from typing import Any, Literal, NotRequired, TypeAlias, TypedDict\n\n"
    for name, schema in document["components"]["schemas"].items():
        text += _render_type(_type_name(name), schema)
    return text


def _render_type(name: str, schema: dict[str, Any]) -> str:
    if not schema.get("properties"):
        return f'{name}: TypeAlias = "{_annotation(schema)}"\n\n'
    required = set(schema.get("required", ()))
    about = _docstring(schema.get("description", ""))
    fields = []
    for field, kind in schema["properties"].items():
        annotation = _annotation(kind)
        fields.append((field, annotation if field in required else f"NotRequired[{annotation}]"))
    if any(not field.isidentifier() or keyword.iskeyword(field) for field, _ in fields):
        pairs = ", ".join(f'"{field}": "{annotation}"' for field, annotation in fields)
        return f'{name} = TypedDict("{name}", {{{pairs}}})\n\n'
    lines = "".join(f"    {field}: {annotation}\n" for field, annotation in fields)
    return f"class {name}(TypedDict):\n{about}{lines}\n\n"


def _annotation(schema: dict[str, Any]) -> str:
    match schema:
        case {"$ref": ref}:
            return _type_name(ref.rpartition("/")[2])
        case {"enum": values}:
            return f"Literal[{', '.join(map(repr, values))}]"
        case {"const": value}:
            return f"Literal[{value!r}]"
        case {"anyOf": options} | {"oneOf": options}:
            return _union(_annotation(option) for option in options)
        case {"allOf": [only]}:
            return _annotation(only)
        case {"type": list(kinds)}:
            return _union(_annotation({**schema, "type": kind}) for kind in kinds)
        case {"type": "array"}:
            return f"list[{_annotation(schema.get('items', {}))}]"
        case {"type": "object", "additionalProperties": dict(values)} if "properties" not in schema:
            return f"dict[str, {_annotation(values)}]"
        case {"type": "object"}:
            return "dict[str, Any]"
        case {"type": kind}:
            return _SIMPLE[kind]
        case _:
            return "Any"


def _union(annotations: Any) -> str:
    return " | ".join(dict.fromkeys(annotations))


def render_operations(document: dict[str, Any]) -> str:
    text = _HEADER.format(about="The operations of the API.")
    methods = [
        _render_operation(path, method, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    body = "\n".join(methods)
    names = sorted({_type_name(name) for name in document["components"]["schemas"]})
    used = [name for name in names if re.search(rf"\b{name}\b", body)]
    imported = "Any, Literal" if re.search(r"\bAny\b", body) else "Literal"
    text += f"from typing import {imported}\n\nfrom eventshop_client import types\n"
    text += "from eventshop_client.transport import Answer, Transport\n"
    for name in used:
        body = re.sub(rf"(?<![.\w]){name}\b(?=[\]\s,|)])", f"types.{name}", body)
    return f'{text}\n\nclass Operations(Transport):\n    """Each operation as a method."""\n\n{body}'


def _render_operation(path: str, method: str, operation: dict[str, Any]) -> str:
    parameters = operation.get("parameters", [])
    in_path = [_python_name(one["name"]) for one in parameters if one["in"] == "path"]
    headers = [one for one in parameters if one["in"] == "header" and one["name"] not in _AUTOMATIC]
    query = [one for one in parameters if one["in"] == "query"]
    needs_key = any(one["name"] == "Idempotency-Key" for one in headers)
    contents = operation.get("requestBody", {}).get("content", {})
    media_type, body = next(iter(contents.items()), ("", None))
    arguments = ["self", *(f"{name}: str" for name in in_path)]
    arguments += [f"body: {_annotation(body['schema'])}"] if body else []
    named = [_argument(one) for one in (*headers, *query)]
    arguments += ["*", *sorted(named, key=lambda argument: "=" in argument)] if named else []
    reads_rows = any(one["name"] == "Consistency-Token" for one in parameters)
    call = [
        f'"{method.upper()}", "{path}"',
        "{" + ", ".join(f'"{name}": {name}' for name in in_path) + "}",
        "query={" + ", ".join(f'"{one["name"]}": {_python_name(one["name"])}' for one in query) + "}",
        "headers={" + ", ".join(f'"{one["name"]}": {_python_name(one["name"])}' for one in headers) + "}",
        *(["body=body"] if body else []),
        *([f'media_type="{media_type}"'] if body and media_type != "application/json" else []),
        *(["needs_key=True"] if needs_key else []),
        *(["reads_rows=True"] if reads_rows else []),
    ]
    about = _docstring(operation.get("description", "") or operation["operationId"], indent=" " * 8)
    return (
        f"    def {operation['operationId']}({', '.join(arguments)}) -> Answer[{_result(operation)}]:\n"
        f"{about}        return self.send({', '.join(call)})\n"
    )


def _argument(parameter: dict[str, Any]) -> str:
    """A keyword argument. The idempotency key is never required: the client makes one."""
    name, schema = _python_name(parameter["name"]), parameter.get("schema", {})
    kind = "str" if parameter["in"] == "header" else _annotation(schema)
    required = parameter.get("required") and name != "idempotency_key"
    return f"{name}: {kind}" if required else f"{name}: {kind} | None = None"


def _result(operation: dict[str, Any]) -> str:
    for status, response in operation["responses"].items():
        if status.startswith("2") and (content := response.get("content", {}).get("application/json")):
            schema = content["schema"]
            return _annotation(schema)
    return "None"


def _python_name(name: str) -> str:
    name = re.sub(r"\W", "_", name).lower()
    return f"{name}_" if keyword.iskeyword(name) else name


def _type_name(name: str) -> str:
    return name.replace(".", "")


def _docstring(text: str, indent: str = "    ") -> str:
    first = re.sub(r"\s+", " ", text.partition("\n\n")[0]).strip().replace("\\", "\\\\").replace('"""', "'''")
    if not first:
        return ""
    return f'{indent}"""{first}"""\n\n' if len(first) < 100 else f'{indent}"""{_wrap(first, indent)}\n{indent}"""\n\n'


def _wrap(text: str, indent: str) -> str:
    words, lines, width = text.split(), [""], 110 - len(indent)
    for word in words:
        if len(lines[-1]) + len(word) + 1 > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return f"\n{indent}".join(lines)


def _format(text: str) -> str:
    command = [sys.executable, "-m", "ruff", "format", "-q", "--stdin-filename", str(FOLDER / "x.py"), "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    main()
