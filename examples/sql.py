"""SQL as a state machine in Python, without packages: an SQLite database in memory. How it speaks: docs/process.md.

Nothing of a command may differ between nodes. So functions are those of a list, a default is a literal, every table is WITHOUT ROWID, since SQLite may choose
a rowid by chance, and the versions of SQLite and Python are part of the version of the program. A command may take as long as it wants, and holds up
every node meanwhile.
"""

import base64
import json
import platform
import re
import sqlite3
import sys

PIECE = 64 * 1024
QUERY_STEPS = 50_000_000  # Of SQLite's machine.
ROW_BYTES = 4 * 1024 * 1024  # Of all rows of a result.
SEMICOLONS = 1_000  # Of one statement.
LITERAL = re.compile(r"NULL|TRUE|FALSE|[+-]?[0-9.]+|x?'([^']|'')*'", re.IGNORECASE)

database = None
frozen = []  # What is left to hand out of a snapshot.
coming = bytearray()  # What has come of a snapshot.

READS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE}
WRITES = READS | {
    sqlite3.SQLITE_INSERT,
    sqlite3.SQLITE_UPDATE,
    sqlite3.SQLITE_DELETE,
    sqlite3.SQLITE_CREATE_TABLE,
    sqlite3.SQLITE_CREATE_INDEX,
    sqlite3.SQLITE_CREATE_VIEW,
    sqlite3.SQLITE_CREATE_TRIGGER,
    sqlite3.SQLITE_DROP_TABLE,
    sqlite3.SQLITE_DROP_INDEX,
    sqlite3.SQLITE_DROP_VIEW,
    sqlite3.SQLITE_DROP_TRIGGER,
    sqlite3.SQLITE_REINDEX,  # As a part of CREATE INDEX.
}
FUNCTIONS = set(
    "abs avg char coalesce count glob group_concat hex ifnull iif instr length like lower ltrim max min nullif quote replace round "
    "row_number rtrim substr substring sum total trim typeof unicode upper".split()
)


class Rejected(Exception):
    """The command is refused, with this message, on every node alike."""


def only(allowed):
    """Refuses what the same command could do in another way elsewhere."""

    def may(action, _first, second, _database, _trigger):
        if action == sqlite3.SQLITE_FUNCTION:
            return sqlite3.SQLITE_OK if second.lower() in FUNCTIONS else sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK if action in allowed else sqlite3.SQLITE_DENY

    return may


def statements(sql):
    text = ""
    for part in sql.split(";"):
        text += part
        if text.count(";") > SEMICOLONS:
            raise Rejected(f"a statement has more than {SEMICOLONS} semicolons")
        if text.strip() and sqlite3.complete_statement(text + ";"):
            yield text
            text = ""
        else:
            text += ";"
    if text.strip(" \t\r\n;"):
        yield text


def into_sql(value):
    if isinstance(value, dict) and set(value) == {"integer"} and isinstance(value["integer"], str):
        return int(value["integer"])
    if isinstance(value, dict) and set(value) == {"$bytes"}:
        return base64.b64decode(value["$bytes"])
    if value is None or isinstance(value, (int, float, str)):
        return value
    raise Rejected("a parameter is null, a number, a text or bytes")


def out_of_sql(value):
    """JSON has neither bytes nor whole numbers beyond 2^53."""
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, int) and abs(value) > 2**53:
        return {"integer": str(value)}
    if isinstance(value, float) and (value in (float("inf"), float("-inf"))):
        return {"real": "Infinity" if value > 0 else "-Infinity"}
    return value


def parameters(given):
    if isinstance(given, dict):
        return {name: into_sql(value) for name, value in given.items()}
    if isinstance(given, list):
        return [into_sql(value) for value in given]
    raise Rejected("params are a list or an object")


def rows_of(cursor):
    names = [column[0] for column in cursor.description or ()]
    if len(set(names)) < len(names) or "$bytes" in names:
        raise Rejected("two columns have one name, or one is called $bytes: name them with AS")
    rows, size = [], 0
    for row in cursor:
        rows.append(dict(zip(names, map(out_of_sql, row))))
        size += len(json.dumps(rows[-1]))
        if size > ROW_BYTES:
            raise Rejected(f"the rows have more than {ROW_BYTES} bytes: use LIMIT")
    return rows


def must_be_plain():
    """What the authorizer is not asked about."""
    for _, table, kind, _, without_rowid, _ in database.execute("PRAGMA main.table_list").fetchall():
        if kind != "table" or table.startswith("sqlite_"):
            continue
        if not without_rowid:
            raise Rejected(f"the table {table} has rowids: say WITHOUT ROWID behind its columns")
        for column in database.execute('PRAGMA table_xinfo("' + table.replace('"', '""') + '")').fetchall():
            if column[4] is not None and not LITERAL.fullmatch(column[4]):
                raise Rejected(f"the default of {column[1]} in {table} is no literal")


def run(sql, params, allowed):
    """The rows of the last statement that gives any, and how many rows were changed."""
    rows, changes, given = [], 0, parameters(params)
    for statement in statements(sql):
        database.set_authorizer(only(allowed))
        try:
            cursor = database.execute(statement, given)
            if cursor.description:
                rows = rows_of(cursor)
        finally:
            database.set_authorizer(None)
        changes += max(cursor.rowcount, 0)
        if allowed is WRITES:
            must_be_plain()
    return rows, changes


def execute(sql, params=()):
    """All of the script or nothing."""
    database.execute("BEGIN")
    try:
        rows, changes = run(sql, params, WRITES)
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")
    return {"changes": changes, "rows": rows}


def query(sql, params=()):
    steps = iter(range(QUERY_STEPS // 1000))
    database.set_progress_handler(lambda: next(steps, None) is None, 1000)
    try:
        return run(sql, params, READS)[0]
    finally:
        database.set_progress_handler(None, 0)


def outcome(handler, name, asked):
    given = {"sql": asked["input"]} if isinstance(asked["input"], str) else asked["input"]
    if not isinstance(given, dict) or not {"sql"} <= set(given) <= {"sql", "params"} or not isinstance(given["sql"], str):
        return {"rejected": "the input is SQL, or an object with sql and params"}
    if asked["operation"] != name:
        return {"rejected": f"the only operation is {name}"}
    try:
        return {"ok": handler(given["sql"], given.get("params", []))}
    except (Rejected, sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as refusal:
        return {"rejected": str(refusal)}


def outcomes(handler, name, request, all_asked):
    """Of the first ones: large results come in several answers."""
    size = 0
    for asked in all_asked:
        result = outcome(handler, name, asked)
        size += len(json.dumps(result))
        yield result
        if size > request["budget"]:
            return


def begin(file):
    """Every database begins with a file, and what is deleted is overwritten, so that its file follows from the commands alone."""
    global database
    database = sqlite3.connect(":memory:", isolation_level=None)
    if not file:
        database.execute("PRAGMA user_version = 1")
        file = database.serialize()
    database.deserialize(file)
    database.execute("PRAGMA secure_delete = ON")


def image():
    """The file, without the two fields of its header that count the commits since it was opened."""
    file = bytearray(database.serialize())
    file[24:28] = file[92:96] = bytes(4)
    return bytes(file)


def answer(request):
    kind = request["type"]
    if kind == "apply":
        results = list(outcomes(execute, "execute", request, request["commands"]))
        return {"type": "applied", "through": request["commands"][len(results) - 1]["index"], "results": results}
    if kind == "query":
        return {"type": "answered", "results": list(outcomes(query, "query", request, request["queries"]))}
    if kind == "read":
        piece = frozen.pop(0) if frozen else None
        items = [] if piece is None else [base64.b64encode(piece).decode()]
        return {"type": "items", "items": items, "last": not frozen}
    if kind == "snapshot":
        data = image()
        frozen[:] = [data[at : at + PIECE] for at in range(0, len(data), PIECE)]
    if kind == "close":
        frozen.clear()
    if kind == "restore":
        coming.clear()
    if kind == "items":
        for item in request["items"]:
            coming.extend(base64.b64decode(item))
    if kind == "restored":
        begin(bytes(coming))
        coming.clear()
    return {"type": "done"}


SCRIPTS = [
    "CREATE TABLE IF NOT EXISTS users (name TEXT PRIMARY KEY, age INTEGER CHECK (age >= 0)) WITHOUT ROWID",
    {"sql": "INSERT INTO users (name, age) VALUES (?, ?)", "params": ["ada", 36]},
    {"sql": "INSERT INTO users (name, age) VALUES (:name, :age)", "params": {"name": "bob", "age": -1}},
    "INSERT INTO users (name) VALUES ('eve') ON CONFLICT DO UPDATE SET age = coalesce(age, 0) + 1 RETURNING name, age",
    "UPDATE users SET age = age + 1; DELETE FROM users WHERE age > 40",
    "CREATE INDEX IF NOT EXISTS by_age ON users (age)",
    "DROP TABLE IF EXISTS users",
    "INSERT INTO users (name) VALUES (random())",
]
# With these, `graft plugin check -- python3 sql.py` tries it out.
EXAMPLES = [{"kind": "command", "operation": "execute", "input": script} for script in SCRIPTS]
EXAMPLES += [{"kind": "query", "operation": "query", "input": "SELECT * FROM users ORDER BY name"}]


def send(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main():
    begin(b"")
    send(
        {
            "graft": 1,
            "type": "hello",
            "name": "sql-in-python",
            "version": f"1.0.0 with SQLite {sqlite3.sqlite_version} and Python {platform.python_version()}",
            "snapshots": True,
            "commands": ["execute"],
            "queries": ["query"],
            "examples": EXAMPLES,
        }
    )
    for line in sys.stdin.buffer:
        send(answer(json.loads(line)))


if __name__ == "__main__":
    main()
