"""Reads the header Accept: which kind of JSON the client prefers, and whether it wants a stream of events.

JSON wins for queries and mutations wherever its q is equal to the stream's or higher. A client such as urql sends one
header for all operations and reads a query's answer as JSON.
"""

GRAPHQL_JSON = "application/graphql-response+json"
JSON = "application/json"
EVENT_STREAM = "text/event-stream"


def json_type(accept: str) -> str:
    """The media type of a JSON answer: `application/json` unless the client prefers the newer one."""
    weights = read_weights(accept)
    best, best_weight = JSON, 0.0
    for kind in (JSON, GRAPHQL_JSON):
        if (weight := weights.get(kind, 0.0)) > 0 and weight >= best_weight:
            best, best_weight = kind, weight
    return best


def accepts_json(accept: str) -> bool:
    """Whether the client names a kind of JSON, or takes any type."""
    return _json_weight(read_weights(accept)) > 0


def _json_weight(weights: dict[str, float]) -> float:
    """The highest q of a kind of JSON, an older name such as application/graphql+json included."""
    named = [
        weight
        for kind, weight in weights.items()
        if kind.startswith("application/") and kind.endswith("json")
    ]
    return max([*named, weights.get("application/*", 0.0), weights.get("*/*", 0.0)])


def accepts_stream(accept: str) -> bool:
    """Whether the client names event streams. A wildcard does not ask for one."""
    return read_weights(accept).get(EVENT_STREAM, 0.0) > 0


def prefers_stream(accept: str) -> bool:
    """Whether the client wants even the one answer of a query as a stream."""
    weights = read_weights(accept)
    return weights.get(EVENT_STREAM, 0.0) > _json_weight(weights)


def read_weights(accept: str) -> dict[str, float]:
    """Return the highest q of each media type or coding. A q that is no number counts as 0."""
    found: dict[str, float] = {}
    for part in accept.split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = next((_number(each[2:]) for each in parameters if each.startswith("q=")), 1.0)
        found[kind] = max(weight, found.get(kind, 0.0))
    return found


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
