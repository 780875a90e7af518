"""Says what is wrong with the settings: file, key, value, what is allowed, and the nearest valid key."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from alphaplus_tui.domain.text import clean
from alphaplus_tui.errors import suggestion
from alphaplus_tui.settings.exchange import DEMO, ExchangeSettings, split_symbol
from alphaplus_tui.settings.layers import KeyPath, Layer, origin_of

_SECRET_WORDS = ("password", "secret", "token", "url")
_LONGEST_VALUE = 80

Schema = Mapping[str, object]


def complain(error: ValidationError, layer: Layer, root: type[BaseModel]) -> Iterator[str]:
    """One line for each thing that ``error`` holds."""
    schema = cast("Schema", root.model_json_schema())
    seen: set[str] = set()
    for detail in error.errors(include_url=False, include_context=True, include_input=True):
        line = _line(detail, layer, schema)
        if line not in seen:
            seen.add(line)
            yield line


def unknown_exchange(known: Iterable[str], layer: Layer) -> Iterator[str]:
    """A line for each exchange that AlphaPlus cannot reach; what is no name at all is said elsewhere."""
    names = set(known)
    for path, (value, origin) in sorted(layer.items()):
        key = ".".join(path)
        match path:
            case ("exchange", "id"):
                told = [(value, value)]
            case ("exchange", "symbols"):
                symbols = value.split(",") if isinstance(value, str) else value
                listed = cast("list[object]", symbols) if isinstance(symbols, list) else []
                told = [(name.strip(), split_symbol(name.strip())[0]) for name in listed if isinstance(name, str)]
            case ("exchange", "overrides", name, *_):
                told = [(name, name)]
                key = "exchange.overrides"
            case _:
                continue
        for said, name in told:
            if isinstance(name, str) and name and name not in names:
                yield f"{origin}: {key} = {_shown(key, said)}: not a known exchange; {suggestion(name, names)}"


def invented_beside_real(exchange: ExchangeSettings, layer: Layer) -> Iterator[str]:
    """A line when the demo market is followed beside others, and not one that runs elsewhere by the user's will."""
    followed = exchange.followed()
    if DEMO in followed and len(followed) > 1 and not all(exchange.endpoints(DEMO)):
        leaf = layer.get(("exchange", "symbols"))
        where = "exchange.rest_url and exchange.ws_url" if exchange.id == DEMO else "[exchange.overrides.demo]"
        others = ", ".join(name for name in followed if name != DEMO)
        yield (
            f"{leaf[1] if leaf else 'default'}: exchange.symbols: the demo market cannot stand beside {others}: its "
            "prices are invented, and nothing would tell them from real ones later; follow one of them, or say with "
            f"{where} where a demo exchange of yours runs"
        )


def _line(detail: ErrorDetails, layer: Layer, schema: Schema) -> str:
    path = tuple(str(part) for part in detail["loc"] if isinstance(part, str) and part != "[key]")
    found = origin_of(path, layer)
    origin = found[2] if found else "default"
    key = _named(detail)
    if detail["type"] == "extra_forbidden":
        return f"{origin}: {_unknown_key(path, schema, key.rpartition('.')[0])}"
    if "[key]" in detail["loc"]:
        return f"{origin}: {key}: {_reason(detail, path[:-1], schema, keys=True)}"
    value = found[1] if found else detail["input"]
    index = next((part for part in detail["loc"] if isinstance(part, int)), None)
    if index is not None:
        value = detail["input"]
    whole = detail["type"] == "value_error" or isinstance(detail["loc"][-1], int)
    if isinstance(detail["input"], Mapping) and whole:
        return f"{origin}: {key}: {_reason(detail, path, schema)}"
    return f"{origin}: {key} = {_shown(key, value)}: {_reason(detail, path, schema)}"


def _named(detail: ErrorDetails) -> str:
    """The key with dots; of a table in a list, which one: ``alerts.rules #2.when``."""
    parts = [part for part in detail["loc"] if part != "[key]"]
    if parts and isinstance(parts[-1], int) and not isinstance(detail["input"], Mapping):
        parts.pop()  # a plain value of a list: it is shown itself
    words = [f" #{part + 1}" if isinstance(part, int) else f".{part}" for part in parts]
    return "".join(words).removeprefix(".")


def _reason(detail: ErrorDetails, path: KeyPath, schema: Schema, *, keys: bool = False) -> str:
    if detail["type"] == "value_error":
        return detail["msg"].removeprefix("Value error, ")
    node = _resolve(path, schema)
    if any(isinstance(part, int) for part in detail["loc"]) and isinstance(node.get("items"), Mapping):
        node = _follow(cast("Schema", node["items"]), schema)
    if keys:
        return "must be a name in lower case: letters, digits, and _ - . after the first letter"
    allowed = _allowed(node)
    if not allowed:
        return detail["msg"]
    near = ""
    given, choices = detail["input"], node.get("enum")
    if isinstance(given, str) and isinstance(choices, list):
        close = get_close_matches(given, [str(choice) for choice in cast("list[object]", choices)], n=1)
        near = f"; did you mean {close[0]!r}?" if close else ""
    return f"must be {allowed}{near}"


def _allowed(node: Schema) -> str:
    """In words, what a schema lets through; empty when it cannot be said shortly."""
    choices = node.get("enum")
    if isinstance(choices, list):
        return "one of " + ", ".join(repr(choice) for choice in cast("list[object]", choices))
    match node.get("type"):
        case "integer" | "number" as kind:
            name = "a whole number" if kind == "integer" else "a number"
            low, above = node.get("minimum"), node.get("exclusiveMinimum")
            high = node.get("maximum")
            if low is not None and high is not None:
                return f"{name} from {low} to {high}"
            if above is not None and high is not None:
                return f"{name} above {above}, up to {high}"
            return name
        case "boolean":
            return "true or false"
        case "array":
            least = node.get("minItems")
            return "a list" + (f" of at least {least}" if least else "")
        case "object":
            return "a table"
        case "string":
            pattern = node.get("pattern")
            longest = node.get("maxLength")
            if pattern:
                return f"text that matches {pattern}"
            return f"text of 1 to {longest} characters" if longest else "text"
        case _:
            return ""


def _unknown_key(path: KeyPath, schema: Schema, table_name: str) -> str:
    *table, key = path
    here = list(_properties(_resolve(tuple(table), schema)))
    if not table:
        return f"[{clean(key, limit=80)}]: unknown section; {suggestion(key, sorted(here))}"
    name = f"{table_name}.{clean(key, limit=80)}: unknown key"
    elsewhere = [
        section
        for section in _properties(schema)
        if section != table[0] and key in _properties(_resolve((section,), schema))
    ]
    if elsewhere and not get_close_matches(key, here, n=1):
        return f"{name}; it belongs into [{elsewhere[0]}]"
    return f"{name}; {suggestion(key, sorted(here))}"


def _properties(node: Schema) -> Mapping[str, object]:
    found = node.get("properties")
    return cast("Mapping[str, object]", found) if isinstance(found, Mapping) else {}


def _resolve(path: KeyPath, schema: Schema) -> Schema:
    node: Schema = schema
    for key in path:
        following = _properties(node).get(key, _any_value(node))
        if not isinstance(following, Mapping):
            return {}
        node = _follow(cast("Schema", following), schema)
        items = node.get("items")
        if isinstance(items, Mapping) and "$ref" in items:
            node = _follow(cast("Schema", items), schema)  # a list of tables
    return node


def _any_value(node: Schema) -> object:
    """What a table of free keys holds."""
    by_pattern = node.get("patternProperties")
    if isinstance(by_pattern, Mapping):
        return next(iter(cast("Mapping[str, object]", by_pattern).values()), None)
    return node.get("additionalProperties")


def _follow(node: Schema, schema: Schema) -> Schema:
    """``node``, or what its ``$ref`` points at."""
    reference = node.get("$ref")
    if not isinstance(reference, str):
        return node
    definitions = cast("Mapping[str, Schema]", schema.get("$defs", {}))
    return definitions[reference.rpartition("/")[2]]


def _shown(key: str, value: object) -> str:
    if any(word in key.rpartition(".")[2] for word in _SECRET_WORDS) and isinstance(value, str) and "@" in value:
        return "(not shown)"
    if key.endswith("password") or (key.endswith("channels") and "://" in str(value)):
        return "(not shown)"
    return clean(repr(value), limit=_LONGEST_VALUE)
