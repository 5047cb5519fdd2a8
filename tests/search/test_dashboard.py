"""The dashboard's server, asked over the loopback as a browser would."""

import http.client
import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from made_up import MIXED, bowl, known, study

from sweeper.errors import RunFolderError, UserError
from sweeper.search import explore
from sweeper.search.dashboard import open_server, serve
from sweeper.search.storage import StudyStorage
from sweeper.search.storage_url import open_url

SPACE = study(MIXED).space
PNG = bytes.fromhex("89504e470d0a1a0a") + b"not much of a picture"


def finished() -> dict[int, object]:
    """Ten trials, by number."""
    points = explore.points(SPACE, (), 10, 0, "random")
    return {number: known(number, p, bowl(p)) for number, p in enumerate(points)}


@pytest.fixture(params=["journal", "sqlite"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str | None]:
    """A run folder with ten trials and a figure, and the URL of its storage."""
    url = None if request.param == "journal" else f"sqlite:///{tmp_path / 'optuna.db'}"
    StudyStorage("made-up", SPACE, url, tmp_path / "journal.log", finished(), "validation_loss")
    (tmp_path / "loss.png").write_bytes(PNG)
    return tmp_path, url


@contextmanager
def served(run: tuple[Path, str | None], note: str) -> Iterator[str]:
    """Address of a dashboard that answers meanwhile."""
    folder, url = run
    with open_server("made-up", url, folder, note, [folder / "loss.png"], 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(60)


def fetched(address: str) -> bytes:
    """The body of an answer."""
    with urllib.request.urlopen(address, timeout=20) as answer:
        return bytes(answer.read())


def test_a_browser_finds_trials_note_and_figures(run: tuple[Path, str | None]) -> None:
    """The page loads; the study has parameters and curves; the note is there; the figure downloads."""
    with served(run, "# Use adam") as address:
        assert b"<html" in fetched(f"{address}/dashboard/").lower()
        (summary,) = json.loads(fetched(f"{address}/api/studies"))["study_summaries"]
        detail = json.loads(fetched(f"{address}/api/studies/{summary['study_id']}"))
        assert [trial["number"] for trial in detail["trials"]] == list(range(10))
        completed = next(trial for trial in detail["trials"] if trial["intermediate_values"])
        assert len(completed["intermediate_values"]) == 11
        assert "learning_rate" in {p["name"] for p in detail["union_search_space"]}
        assert detail["note"]["body"] == "# Use adam"
        (artifact,) = detail["artifacts"]
        assert artifact["filename"] == "loss.png"
        path = f"{address}/artifacts/{summary['study_id']}/{artifact['artifact_id']}"
        assert fetched(path) == PNG


def test_a_second_call_replaces_note_and_figures(run: tuple[Path, str | None]) -> None:
    """Figures do not pile up."""
    with served(run, "# Use sgd"):
        pass
    (run[0] / "loss.png").write_bytes(PNG + b"!")
    with served(run, "# Use adam") as address:
        detail = json.loads(fetched(f"{address}/api/studies/{0 if run[1] is None else 1}"))
        assert detail["note"]["body"] == "# Use adam"
        assert [artifact["filename"] for artifact in detail["artifacts"]] == ["loss.png"]
    assert len(list((run[0] / "artifacts").iterdir())) == 1


def test_it_starts_as_often_as_it_is_called(run: tuple[Path, str | None]) -> None:
    """Five starts with new figures, or the same ones: each has the latest figure, once."""
    for start in range(5):
        (run[0] / "loss.png").write_bytes(PNG + bytes([start // 2]))
        with served(run, f"# Start {start}") as address:
            (summary,) = json.loads(fetched(f"{address}/api/studies"))["study_summaries"]
            detail = json.loads(fetched(f"{address}/api/studies/{summary['study_id']}"))
            assert detail["note"]["body"] == f"# Start {start}"
            (artifact,) = detail["artifacts"]
            path = f"{address}/artifacts/{summary['study_id']}/{artifact['artifact_id']}"
            assert fetched(path) == PNG + bytes([start // 2])
    assert len(list((run[0] / "artifacts").iterdir())) == 1


def test_an_artifact_that_was_removed_elsewhere_does_no_harm(run: tuple[Path, str | None]) -> None:
    """The dashboard's own button, and versions before, leave ``null``; a lost file is uploaded anew."""
    with served(run, "first") as address:
        (summary,) = json.loads(fetched(f"{address}/api/studies"))["study_summaries"]
        (artifact,) = json.loads(fetched(f"{address}/api/studies/{summary['study_id']}"))["artifacts"]
        path = f"{address}/api/artifacts/{summary['study_id']}/{artifact['artifact_id']}"
        urllib.request.urlopen(urllib.request.Request(path, method="DELETE"), timeout=20).close()
    with served(run, "second"):
        pass
    (stored,) = (run[0] / "artifacts").iterdir()
    stored.unlink()
    with served(run, "third") as address:
        (artifact,) = json.loads(fetched(f"{address}/api/studies/{summary['study_id']}"))["artifacts"]
        assert fetched(f"{address}/artifacts/{summary['study_id']}/{artifact['artifact_id']}") == PNG


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("127.0.0.1:{port}", None, 200),
        ("LOCALHOST:{port}", "http://localhost:{port}", 200),
        ("localhost:9000", "http://127.0.0.1:9000", 200),  # through a tunnel
        ("[::1]:{port}", None, 200),
        ("rebound.example", None, 403),
        ("rebound.example:{port}", None, 403),
        ("127.0.0.1.rebound.example", None, 403),
        ("localhost@rebound.example", None, 403),
        ("", None, 403),
        (None, None, 403),
        ("127.0.0.1:{port}", "http://rebound.example", 403),
        ("127.0.0.1:{port}", "http://127.0.0.1:1", 403),
        ("127.0.0.1:{port}", "null", 403),
        ("127.0.0.1:{port}", "file://", 403),
        ("127.0.0.1:{port}", "http://[", 403),
    ],
)
def test_only_requests_to_this_computer_are_answered(
    strict: int, host: str | None, origin: str | None, status: int
) -> None:
    """Another Host or Origin is a stranger's page whose name was made to resolve to the loopback."""
    connection = http.client.HTTPConnection("127.0.0.1", strict, timeout=20)
    connection.putrequest("GET", "/api/studies", skip_host=True)
    for name, value in (("Host", host), ("Origin", origin)):
        if value is not None:
            connection.putheader(name, value.format(port=strict))
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == status
    assert (b"made-up" in body) == (status == 200)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Port of a dashboard."""
    folder = tmp_path_factory.mktemp("strict")
    StudyStorage("made-up", SPACE, None, folder / "journal.log", finished(), "validation_loss")
    (folder / "loss.png").write_bytes(PNG)
    with served((folder, None), "note") as address:
        yield int(address.rpartition(":")[2])


def test_a_torn_journal_is_mended_before_it_is_written_to(tmp_path: Path) -> None:
    """The note of a dashboard after a crash does not make the journal unreadable."""
    StudyStorage("made-up", SPACE, None, tmp_path / "journal.log", finished(), "validation_loss")
    with (tmp_path / "journal.log").open("ab") as file:
        file.write(b'{"op_code": 4, "to')
    open_server("made-up", None, tmp_path, "note", [], 0).server_close()
    assert (
        StudyStorage("made-up", SPACE, None, tmp_path / "journal.log", finished(), "validation_loss").notes
        == []
    )


def test_without_journal_the_storage_must_be_named(tmp_path: Path) -> None:
    """A run whose trials lie in a database says so."""
    with pytest.raises(RunFolderError, match=r"has no journal.log; was it run with --storage\?"):
        open_server("made-up", None, tmp_path, "note", [], 0)


def test_a_storage_without_the_study_is_refused(tmp_path: Path) -> None:
    """The message names URL and study."""
    url = f"sqlite:///{tmp_path / 'optuna.db'}"
    open_url(url)
    with pytest.raises(UserError, match="holds no study 'made-up'"):
        open_server("made-up", url, tmp_path, "note", [], 0)


def test_a_port_in_use_is_one_clear_message(tmp_path: Path) -> None:
    """Two dashboards on one port: the second says which port it was."""
    StudyStorage("made-up", SPACE, None, tmp_path / "journal.log", finished(), "validation_loss")
    with (
        open_server("made-up", None, tmp_path, "note", [], 0) as server,
        pytest.raises(UserError, match=f"--port {server.server_port}: cannot listen on 127.0.0.1"),
    ):
        serve("made-up", None, tmp_path, "note", [], server.server_port, print)
