"""PostgreSQL as the state database: two roles, one writer, and nothing acknowledged before it is flushed.

The owner's role makes and migrates the tables. The service's role, under which the sandbox runs, may
read everything, add rows to the log and to nothing of it change one; both are refused by a trigger too.
"""

from __future__ import annotations

from typing import Any

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, event

from sandbox.errors import StartupRefusal
from sandbox.store.places import WRITE_WAIT

WRITER = 5_021_117_390_146_207_041
"""Key of the advisory lock that the one writer holds until its transaction ends."""
APPEND_ONLY = ("entry", "node", "checkpoint", "head", "budget_decision", "decider_key", "freezing")
"""Tables of which the service's role may add rows only."""
CONNECTIONS = 16
NEEDED = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
"""What the server must report; with less it loses acknowledged rows in a power cut."""
_PINNED = {
    "search_path": "public",
    "synchronous_commit": "on",
    "standard_conforming_strings": "on",
    "TimeZone": "UTC",
    "idle_in_transaction_session_timeout": "60s",
    "client_connection_check_interval": "5s",
}
_READ = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_HEAD = "SELECT version_num FROM alembic_version"


class _Impatient(psycopg.Connection[tuple[Any, ...]]):
    """A connection that gives a server up which does not answer.

    A server that was stopped, or whose machine is gone, sends nothing at all, so no setting of the server
    ends the wait; and a unix socket has no keepalive.
    """

    patience = 5.0

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Run one exchange with the server.

        Raises:
            psycopg.OperationalError: no answer came within :attr:`patience`; the connection is closed.
        """
        try:
            return super().wait(gen, interval, self.patience if timeout is None else timeout)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == psycopg.pq.TransactionStatus.ACTIVE:
                self.close()
            raise


def make_engine(url: URL, *, wait: float) -> Engine:
    """Return an engine whose every connection keeps what it acknowledges, or is refused.

    Args:
        url: the role's address.
        wait: seconds to wait for a connection, and for any one statement.
    """
    pinned = {**_PINNED, "statement_timeout": f"{int(wait * 1000)}ms"}
    options = " ".join(f"-c {name}={value}" for name, value in pinned.items())
    engine = create_engine(
        url,
        pool_size=CONNECTIONS,
        max_overflow=CONNECTIONS,
        pool_timeout=wait,
        pool_use_lifo=True,
        hide_parameters=True,  # an error's text may reach a trace; parameters may hold people's questions
        connect_args={
            "options": options,
            "connect_timeout": max(2, int(wait)),  # libpq's least is 2
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 2,
            "tcp_user_timeout": int(wait * 1000),
        },
    )

    def connect(_dialect: object, _record: object, args: Any, named: Any) -> _Impatient:
        connection = _Impatient.connect(*args, **named)
        connection.patience = wait
        return connection

    event.listen(engine, "do_connect", connect)
    event.listen(engine, "connect", _check)
    event.listen(engine, "begin", _begin)
    return engine


def check_durable(found: dict[str, str]) -> None:
    """Compare what the server reports with what the promises need.

    Raises:
        StartupRefusal: a setting is weaker.
    """
    weaker = [f"{name} is {found.get(name)!r}" for name, value in NEEDED.items() if found.get(name) != value]
    if weaker:
        raise StartupRefusal(
            f"The state database does not keep what it acknowledges: {', '.join(weaker)}; all must be on."
        )


def grant(connection: Connection, role: str) -> None:
    """Give ``role`` what the sandbox needs day by day, and take from it what would change the log."""
    quoted = connection.dialect.identifier_preparer.quote(role)
    connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA public TO {quoted}")
    connection.exec_driver_sql(
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {quoted}"
    )
    for table in (*APPEND_ONLY, "alembic_version"):
        connection.exec_driver_sql(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {quoted}")
    connection.exec_driver_sql(f"REVOKE INSERT ON alembic_version FROM {quoted}")


def check_version(connection: Connection, newest: str) -> None:
    """Compare the version of the tables with the code's.

    Raises:
        StartupRefusal: the tables are older or newer.
    """
    found = connection.exec_driver_sql(_HEAD).scalar()
    if found != newest:
        raise StartupRefusal(
            f"The state database has version {found}, this sandbox needs {newest}; "
            "run `sandbox init` as the user who holds the owner's key file."
        )


def _check(driver: psycopg.Connection[tuple[Any, ...]], _record: object) -> None:
    rows = driver.execute(
        "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", (list(NEEDED),)
    ).fetchall()
    driver.rollback()
    check_durable(dict(rows))


def _begin(connection: Connection) -> None:
    wait = connection.get_execution_options().get(WRITE_WAIT)
    if wait is None:
        connection.exec_driver_sql(_READ)
        return
    # READ COMMITTED and the lock in a statement of its own: every later statement sees what the writer
    # before has committed. In one message, because each takes a turn to the server and back.
    connection.exec_driver_sql(
        f"SET LOCAL lock_timeout = {max(1, int(wait * 1000))}; SELECT pg_advisory_xact_lock({WRITER})"
    )
