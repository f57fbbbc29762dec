"""Many acts at once, each reading again once it is committed: none waits for another's connection."""

from concurrent.futures import ThreadPoolExecutor

from sqlmodel import text

from fleet_server.db import after_commit, connect, reading, transaction

AT_ONCE = 40  # as many as the server has threads


def test_acts_that_read_after_their_commit_all_end(tmp_path):
    engine = connect(f"sqlite:///{tmp_path / 'fleet.db'}")
    with transaction(engine) as session:
        session.execute(text("CREATE TABLE act (n INTEGER)"))

    def seen() -> int:
        with reading(engine) as session:
            return int(session.execute(text("SELECT count(*) FROM act")).scalar_one())

    def act(n: int) -> int:
        said: list[int] = []
        with reading(engine) as held:  # a page that looks, and acts meanwhile
            held.execute(text("SELECT 1"))
            with transaction(engine) as session:
                session.execute(text("INSERT INTO act VALUES (:n)"), {"n": n})
                after_commit(session, lambda: said.append(seen()))
        return said[0]

    with ThreadPoolExecutor(AT_ONCE) as threads:
        counted = list(threads.map(act, range(AT_ONCE)))
    assert max(counted) == AT_ONCE
    engine.dispose()
