"""optuna-dashboard on a run's storage, with the answer as note and the figures as artifacts."""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import optuna
import optuna_dashboard
from optuna.artifacts import FileSystemArtifactStore, upload_artifact
from optuna.artifacts.exceptions import ArtifactNotFound

from sweeper.errors import RunFolderError, UserError
from sweeper.search.journal import cut_torn_tail, open_journal
from sweeper.search.quiet import quiet
from sweeper.search.storage import open_url

HOST = "127.0.0.1"
"""Loopback only: the dashboard has no log-in."""


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
    study = _study(name, url, folder)
    artifacts = folder / "artifacts"
    artifacts.mkdir(exist_ok=True)
    store = FileSystemArtifactStore(artifacts)
    decorate(study, store, note, figures)
    with quiet():
        application = optuna_dashboard.wsgi(study._storage, artifact_store=store)
    try:
        return make_server(HOST, port, application, _Server, _Silent)
    except OSError as error:
        raise UserError(
            f"--port {port}: cannot listen on {HOST}: {error.strerror}; choose another port"
        ) from None


def decorate(study: optuna.Study, store: FileSystemArtifactStore, note: str, figures: Sequence[Path]) -> None:
    """Put note and figures on the study; figures of the same name are replaced."""
    optuna_dashboard.save_note(study, note)
    names = {figure.name for figure in figures}
    for meta in optuna.artifacts.get_all_artifact_meta(study):
        if meta.filename in names:
            _forget(study, store, meta.artifact_id)
    for figure in figures:
        upload_artifact(artifact_store=store, file_path=str(figure), study_or_trial=study)


def _forget(study: optuna.Study, store: FileSystemArtifactStore, artifact: str) -> None:
    with contextlib.suppress(ArtifactNotFound, FileNotFoundError):  # its file may be gone already
        store.remove(artifact)
    study._storage.set_study_system_attr(study._study_id, f"artifacts:{artifact}", "null")


def _study(name: str, url: str | None, folder: Path) -> optuna.Study:
    if url is None and not (folder / "journal.log").is_file():
        raise RunFolderError(
            f"{folder} has no journal.log; was it run with --storage? Give the same --storage here"
        )
    if url is None:
        cut_torn_tail(folder / "journal.log")  # what is appended to it would make it unreadable
        return optuna.load_study(study_name=name, storage=open_journal(folder / "journal.log"))
    storage = open_url(url)
    if name not in optuna.get_all_study_names(storage):
        raise UserError(f"--storage {url!r} holds no study {name!r}")
    return optuna.load_study(study_name=name, storage=storage)


class _Server(ThreadingMixIn, WSGIServer):
    """Answers several requests at a time: browsers open connections before they use them."""

    daemon_threads = True


class _Silent(WSGIRequestHandler):
    """No line per request."""

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""
