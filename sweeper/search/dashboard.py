"""optuna-dashboard on a run's storage, with the answer as note and the figures as artifacts."""

import contextlib
import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import optuna
import optuna_dashboard
from optuna.artifacts import FileSystemArtifactStore, upload_artifact
from optuna.artifacts.exceptions import ArtifactNotFound
from optuna.storages import BaseStorage

from sweeper.errors import RunFolderError, UserError
from sweeper.passwords import masked_url
from sweeper.records.atomic import refuse_links
from sweeper.search.journal import cut_torn_tail, open_journal
from sweeper.search.quiet import quiet
from sweeper.search.storage_url import open_url

HOST = "127.0.0.1"
"""Loopback only: the dashboard has no log-in."""
LOOPBACK = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::([0-9]{1,5}))?", re.IGNORECASE)
"""``Host`` headers that are answered; the port is a tunnel's, say."""
ARTIFACT = "artifacts:"
"""Optuna's prefix of the study attributes that describe artifacts."""


def serve(
    name: str,
    url: str | None,
    folder: Path,
    note: str,
    figures: Sequence[Path],
    port: int,
    say: Callable[[str], object],
) -> None:
    """Serve until interrupted. `note` is Markdown; `figures` are PNG files; port 0 is any free one."""
    with open_server(name, url, folder, note, figures, port) as server:
        say(f"dashboard: http://{HOST}:{server.server_port}/  (Ctrl-C ends it)")
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


def open_server(
    name: str, url: str | None, folder: Path, note: str, figures: Sequence[Path], port: int
) -> WSGIServer:
    """A server that listens, with note and figures in place.

    Raises:
        RunFolderError: if the run folder holds no journal and no `url` is given.
        UserError: if the storage does not hold the study, or the port is in use.
    """
    storage = _storage(name, url, folder)
    artifacts = folder / "artifacts"
    refuse_links(artifacts)
    artifacts.mkdir(exist_ok=True)
    store = FileSystemArtifactStore(artifacts)
    decorate(storage, name, store, note, figures)
    with quiet():
        application = optuna_dashboard.wsgi(storage, artifact_store=store)
    try:
        return make_server(HOST, port, loopback_only(application), _Server, _Silent)
    except OSError as error:
        raise UserError(
            f"--port {port}: cannot listen on {HOST}: {error.strerror}; choose another port"
        ) from None


def decorate(
    storage: BaseStorage, name: str, store: FileSystemArtifactStore, note: str, figures: Sequence[Path]
) -> None:
    """Put note and figures on the study; a figure of the same name is replaced if it has changed."""
    study, number = optuna.load_study(study_name=name, storage=storage), storage.get_study_id_from_name(name)
    optuna_dashboard.save_note(study, note)
    wanted = {figure.name: figure for figure in figures}
    kept = set()
    for artifact, filename in _artifacts(storage, number):
        if filename in wanted and filename not in kept and _holds(store, artifact, wanted[filename]):
            kept.add(filename)
        elif filename in wanted:
            _forget(storage, number, store, artifact)
    for name in wanted.keys() - kept:
        upload_artifact(artifact_store=store, file_path=str(wanted[name]), study_or_trial=study)


def _artifacts(storage: BaseStorage, number: int) -> list[tuple[str, str]]:
    """(identifier, file name) of the study's artifacts; `optuna.artifacts` stumbles over removed ones.

    An artifact is removed by setting its attribute to ``null``, here as in the dashboard.
    """
    attributes = storage.get_study_system_attrs(number)
    contents = (json.loads(text) for key, text in attributes.items() if key.startswith(ARTIFACT))
    named = [(about["artifact_id"], about["filename"]) for about in contents if about is not None]
    return [(artifact, name) for artifact, name in named if re.fullmatch(r"[\w-]+", artifact)]  # no path


def _holds(store: FileSystemArtifactStore, artifact: str, figure: Path) -> bool:
    """Whether the artifact's file is there and equals `figure`."""
    try:
        with store.open_reader(artifact) as file:
            return bytes(file.read()) == figure.read_bytes()
    except (ArtifactNotFound, FileNotFoundError):
        return False


def _forget(storage: BaseStorage, number: int, store: FileSystemArtifactStore, artifact: str) -> None:
    with contextlib.suppress(ArtifactNotFound, FileNotFoundError):  # its file may be gone already
        store.remove(artifact)
    storage.set_study_system_attr(number, f"{ARTIFACT}{artifact}", json.dumps(None))


def loopback_only(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """`application`, but 403 for a request whose ``Host`` or ``Origin`` is not this computer.

    A web page of a stranger can make its name resolve to 127.0.0.1 (DNS rebinding) and then read
    whatever a server there answers. The names in the headers stay the stranger's.
    """

    def guarded(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if _is_own(environ.get("HTTP_HOST", ""), environ.get("HTTP_ORIGIN")):
            return application(environ, start_response)
        text = b"403: this dashboard answers requests to 127.0.0.1 or localhost alone\n"
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(text)))]
        start_response("403 Forbidden", headers)
        return [text]

    return guarded


def _is_own(host: str, origin: str | None) -> bool:
    """Whether a ``Host`` is a loopback one, and an ``Origin``, if there is one, too, at the same port."""
    to = LOOPBACK.fullmatch(host)
    if to is None or origin is None:
        return to is not None
    try:
        page = urlsplit(origin)
    except ValueError:  # brackets that do not match
        return False
    loopback = LOOPBACK.fullmatch(page.netloc)
    return page.scheme in ("http", "https") and loopback is not None and loopback[1] == to[1]


def _storage(name: str, url: str | None, folder: Path) -> BaseStorage:
    if url is None and not (folder / "journal.log").is_file():
        raise RunFolderError(
            f"{folder} has no journal.log; was it run with --storage? Give the same --storage here"
        )
    if url is None and (folder / "journal.log").is_symlink():  # what is cut or added would be another file's
        raise RunFolderError(f"{folder / 'journal.log'} is a symbolic link; put the file itself there")
    if url is None:
        try:
            cut_torn_tail(folder / "journal.log")  # what is appended to it would make it unreadable
            journal = open_journal(folder / "journal.log")
            optuna.load_study(study_name=name, storage=journal)
            return journal
        except Exception as error:  # Optuna raises whatever a damaged line leads it to
            raise RunFolderError(
                f"{folder / 'journal.log'} is damaged ({type(error).__name__}: {error}); "
                "`sweeper run` writes it anew from the records"
            ) from None
    storage = open_url(url)
    if name not in optuna.get_all_study_names(storage):
        raise UserError(f"--storage {masked_url(url)!r} holds no study {name!r}")
    return storage


class _Server(ThreadingMixIn, WSGIServer):
    """Answers several requests at a time: browsers open connections before they use them."""

    daemon_threads = True


class _Silent(WSGIRequestHandler):
    """No line per request."""

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""
