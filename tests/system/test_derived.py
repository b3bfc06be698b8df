"""What is derived may be lost: catalog and index damaged, or an index that cannot be written. Letters
go on, and everything is found again afterwards."""
import contextlib
import random
import sqlite3

import pytest

from company import wait_for
from pages import change_index
from test_faults import ADA, Faults, World, pytestmark  # noqa: F401


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    w = World(tmp_path_factory.mktemp("derived"))
    yield w
    w.end()


class IndexFaults(Faults):
    """Into calls on the search index instead of the ledger."""

    def paths(self):
        return [self.world.company.data / "catalog" / f"search.db{end}" for end in ("", "-wal")]


def is_found(world, token):
    return world.company.postern("search", f"subject:{token}", check=False).returncode == 0


def wait_for_index(world, *tokens):
    for token in tokens:
        wait_for(f"{token} to be found", lambda token=token: is_found(world, token), 60)


def send(world, text=b""):
    token, letter = world.make()
    code, answer = world.give(world.client(), letter + text)
    assert code == 250, answer
    return token


@pytest.mark.parametrize("keep", [0, 100, 4096], ids=["all", "but-the-head", "but-a-page"])
def test_damaged_files_are_made_again(world, keep):
    token = send(world)
    world.wait_for_arrival(token)
    wait_for_index(world, token)
    assert world.company.stop() == 0
    for name in ("catalog.db", "search.db"):
        path = world.company.data / "catalog" / name
        if name == "search.db":
            change_index(world.company.data)  # what stands in the log counts more
        else:
            with contextlib.closing(sqlite3.connect(path)) as db:
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        whole = path.read_bytes()
        path.write_bytes(whole[:keep] + random.Random(keep).randbytes(len(whole) - keep))
    world.company.start()
    world.accepts_again()
    later = send(world)
    wait_for_index(world, token, later)
    assert world.arrived()[token] == 1


def test_an_index_that_cannot_be_written(world):
    with IndexFaults(world, "pwrite64:error=ENOSPC") as faults:
        tokens = [send(world) for _ in range(3)]
        for token in tokens:
            world.wait_for_arrival(token)
        wait_for("a failure", faults.injected)
    wait_for_index(world, *tokens)


def test_a_rebuild_says_that_the_index_cannot_be_cleared(world):
    token = send(world)
    wait_for_index(world, token)
    with IndexFaults(world, "pwrite64:error=ENOSPC"):
        refused = world.company.postern("catalog", "rebuild", check=False, timeout=60)
    assert refused.returncode != 0
    assert "the search index cannot be cleared or written" in refused.stderr
    assert "made again from" in world.company.postern("catalog", "rebuild", timeout=60)
    assert is_found(world, token)


@pytest.mark.long
def test_letters_go_on_without_the_index(world):
    """As much as would be held back for an index that is only slow, and more."""
    rng = random.Random(1)
    with IndexFaults(world, "pwrite64:error=ENOSPC"):
        tokens = []
        for _ in range(20):
            words = (rng.randbytes(8).hex() for _ in range(400_000))
            tokens.append(send(world, b"\r\n".join(word.encode() for word in words)))
        for token in tokens:
            world.wait_for_arrival(token)
    wait_for_index(world, *tokens)
