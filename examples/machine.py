"""A state machine in Python, without packages: a key-value store that also counts. How it speaks: docs/process.md."""

import json
import sys

state = {}  # All that it knows. It follows from the commands, their order and nothing else.
frozen = []  # What is left to hand out of a snapshot.


class Rejected(Exception):
    """The command is refused, with this message, on every node alike. Raise it before anything is changed."""


def put(at, key, value):
    before = state.get(key)
    state[key] = value
    return before


def delete(at, key):
    if key not in state:
        raise Rejected(f"there is no key {key}")
    return state.pop(key)


def add(at, key, by=1):
    value = state.get(key, 0)
    if not isinstance(value, int):
        raise Rejected(f"{key} is not a number")
    state[key] = value + by
    return state[key]


def get(at, key):
    return state.get(key)


def count(at):
    return len(state)


COMMANDS = {"put": put, "delete": delete, "add": add}
QUERIES = {"get": get, "count": count}


def outcome(handlers, at, asked):
    """Only `Rejected` is an answer. What is wrong with the input is refused too: it is the same on every node."""
    handler = handlers[asked["operation"]]
    given = asked["input"] or {}
    if not isinstance(given, dict) or not all(isinstance(key, str) for key in given):
        return {"rejected": "the input is not an object"}
    names = handler.__code__.co_varnames[1 : handler.__code__.co_argcount]
    needed = names[: len(names) - len(handler.__defaults__ or ())]
    if not set(needed) <= set(given) <= set(names):
        return {"rejected": f"{asked['operation']} takes {', '.join(names) or 'nothing'}"}
    if not isinstance(given.get("key", ""), str) or not isinstance(given.get("by", 0), int):
        return {"rejected": "key is a text, and by a whole number"}
    try:
        return {"ok": handler(at, **given)}
    except Rejected as refusal:
        return {"rejected": str(refusal)}


def outcomes(handlers, request, all_asked):
    """Of the first ones: large results come in several answers."""
    size = 0
    for asked in all_asked:
        result = outcome(handlers, request, asked)
        size += len(json.dumps(result))
        yield result
        if size > request["budget"]:
            return


def apply(request):
    commands = request["commands"]
    results = list(outcomes(COMMANDS, request, commands))
    return {"type": "applied", "through": commands[len(results) - 1]["index"], "results": results}


def query(request):
    return {"type": "answered", "results": list(outcomes(QUERIES, request, request["queries"]))}


def snapshot(request):
    frozen[:] = sorted(state.items())  # A copy: commands go on while it is read.
    return {"type": "done"}


def read(request):
    items = frozen[:1000]
    del frozen[:1000]
    return {"type": "items", "items": items, "last": not frozen}


def close(request):
    frozen.clear()
    return {"type": "done"}


def restore(request):
    state.clear()
    return {"type": "done"}


def items(request):
    state.update(request["items"])
    return {"type": "done"}


def restored(request):
    return {"type": "done"}


ANSWERS = {
    "apply": apply,
    "query": query,
    "snapshot": snapshot,
    "read": read,
    "close": close,
    "restore": restore,
    "items": items,
    "restored": restored,
}


def send(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


# With these, `graft plugin check -- python3 machine.py` tries it out.
EXAMPLES = [
    {"kind": "command", "operation": "put", "input": {"key": key, "value": value}}
    for key in ("a", "b")
    for value in (1, 2, "text", [1, None], {"b": 1, "a": 2})
]
EXAMPLES += [{"kind": "command", "operation": "delete", "input": {"key": key}} for key in ("a", "b")]
EXAMPLES += [{"kind": "command", "operation": "add", "input": {"key": key, "by": 5}} for key in ("a", "n")]
EXAMPLES += [{"kind": "query", "operation": "get", "input": {"key": key}} for key in ("a", "b", "n")]


def main():
    send(
        {
            "graft": 1,
            "type": "hello",
            "name": "machine",
            "version": "1.0.0",
            "snapshots": True,
            "commands": list(COMMANDS),
            "queries": list(QUERIES),
            "examples": EXAMPLES,
        }
    )
    for line in sys.stdin.buffer:
        request = json.loads(line)
        send(ANSWERS[request["type"]](request))


if __name__ == "__main__":
    main()
