"""Optuna's copy of the trials: read back with Optuna, torn, lost, contradicted, written to by others."""

import json
import math
import os
import shutil
import threading
import time
import warnings
from pathlib import Path

import optuna
import pytest
from made_up import MIXED, bowl, known, study
from optuna.trial import TrialState

from sweeper.errors import RunFailed, RunFolderError, UserError
from sweeper.search import explore, journal, storage
from sweeper.search.distributions import encode
from sweeper.search.storage import StudyStorage, delete_study
from sweeper.search.storage_url import open_url
from sweeper.search.trial_summary import TrialSummary
from sweeper.trial import Outcome

SPACE = study(MIXED).space
OUTCOMES = {4: Outcome.PRUNED, 7: Outcome.FAILED}


def trials(count: int, seed: int = 0) -> dict[int, TrialSummary]:
    """Finished trials of every outcome, by number."""
    points = explore.points(SPACE, (), count, seed, "random")
    return {n: known(n, p, math.inf if n == 5 else bowl(p), OUTCOMES.get(n)) for n, p in enumerate(points)}


def opened(path: Path, finished: dict[int, TrialSummary], url: str | None = None) -> StudyStorage:
    """The storage of a run that knows these trials."""
    return StudyStorage("made-up", SPACE, url, path / "journal.log", finished, "validation_loss")


def read(path: Path) -> list[optuna.trial.FrozenTrial]:
    """What any other program finds in the journal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        backend = optuna.storages.journal.JournalFileBackend(str(path / "journal.log"))
        storage = optuna.storages.JournalStorage(backend)
    return optuna.load_study(study_name="made-up", storage=storage).trials


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with Optuna's tables, which take a second to make."""
    path = tmp_path_factory.mktemp("database") / "optuna.db"
    open_url(f"sqlite:///{path}")
    return path


@pytest.fixture
def database(empty_database: Path, tmp_path: Path) -> str:
    """The URL of a fresh database."""
    shutil.copy(empty_database, tmp_path / "optuna.db")
    return f"sqlite:///{tmp_path / 'optuna.db'}"


@pytest.fixture(params=["journal", "sqlite"])
def url(request: pytest.FixtureRequest) -> str | None:
    """The journal of the run folder, or a database."""
    return None if request.param == "journal" else request.getfixturevalue("database")


def stored(path: Path, url: str | None) -> list[optuna.trial.FrozenTrial]:
    """The trials in either storage."""
    return read(path) if url is None else optuna.load_study(study_name="made-up", storage=url).trials


def test_optuna_reads_what_was_added(tmp_path: Path, url: str | None) -> None:
    """Numbers, states, parameters, values, curves and reasons arrive; nothing is running."""
    finished = trials(10)
    opened(tmp_path, {}, url).add(finished.values())
    found = stored(tmp_path, url)
    assert [trial.number for trial in found] == list(range(10))
    states = {4: TrialState.PRUNED, 7: TrialState.FAIL}
    assert [trial.state for trial in found] == [states.get(n, TrialState.COMPLETE) for n in range(10)]
    for trial, mine in zip(found, finished.values(), strict=True):
        assert trial.params == encode(SPACE, mine.parameters)[0]
        assert trial.intermediate_values == mine.curve
        assert trial.user_attrs["outcome"] == mine.outcome
        assert {
            k: tuple(v) if isinstance(v, list) else v
            for k, v in json.loads(trial.user_attrs["parameters"]).items()
        } == mine.parameters
        assert trial.user_attrs.get("reason", "") == mine.reason
        if mine.outcome == Outcome.DIVERGED:
            assert trial.value == math.inf
        elif mine.outcome == Outcome.COMPLETED:
            assert trial.value == mine.objective
    assert optuna.load_study(study_name="made-up", storage=url).best_trial.number in finished if url else True


def test_a_database_that_stops_answering_ends_the_wait(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that takes what it is sent and says nothing, as a stopped server does: one message, and soon."""
    copy, release = opened(tmp_path, {}, database), threading.Event()
    monkeypatch.setattr(storage, "ANSWER_SECONDS", -0.9)  # and one second for the trial
    monkeypatch.setattr(optuna.Study, "add_trials", lambda study, trials: release.wait(30))
    with pytest.raises(RunFailed, match=r"^Optuna's storage cannot be written: no answer within 0\.1 s"):
        copy.add([trials(1)[0]])
    release.set()


def test_trials_arrive_in_the_order_of_their_numbers(tmp_path: Path, url: str | None) -> None:
    """A trial that finishes early waits for those before it."""
    finished, storage = trials(6), opened(tmp_path, {}, url)
    for number in (2, 0, 5):
        storage.add([finished[number]])
    assert len(stored(tmp_path, url)) == 1
    for number in (1, 3):
        storage.add([finished[number]])
    assert len(stored(tmp_path, url)) == 4
    storage.add([finished[4]])
    assert [t.user_attrs["parameters"] for t in stored(tmp_path, url)] == [
        json.dumps(dict(trial.parameters), sort_keys=True) for trial in finished.values()
    ]


def test_what_was_recorded_and_not_told_is_told(tmp_path: Path, url: str | None) -> None:
    """A crash between records and storage is mended at the next start; nothing comes twice."""
    finished = trials(8)
    opened(tmp_path, {}, url).add(list(finished.values())[:3])
    assert opened(tmp_path, finished, url).notes == []
    assert len(stored(tmp_path, url)) == 8
    opened(tmp_path, finished, url)
    assert len(stored(tmp_path, url)) == 8


@pytest.mark.parametrize(
    "torn", [b'{"op_code":4,"study_id":0,"val', b"\x00" * 50, b'{"op_code": 4}', b"x\ny\n"]
)
def test_a_torn_tail_is_cut_and_kept(tmp_path: Path, torn: bytes) -> None:
    """Bytes behind the last sound line are moved to a file beside; the journal goes on."""
    finished = trials(6)
    opened(tmp_path, {}).add(list(finished.values())[:4])
    path = tmp_path / "journal.log"
    sound = path.read_bytes()
    path.write_bytes(sound + torn)
    storage = opened(tmp_path, {n: finished[n] for n in range(4)})
    assert path.read_bytes() == sound
    (kept,) = tmp_path.glob("journal.log.cut-*")
    assert kept.read_bytes() == torn
    assert storage.notes == [
        f"{path} ended in the middle of a line; the incomplete part is kept in {kept.name}"
    ]
    storage.add([finished[4], finished[5]])
    assert len(read(tmp_path)) == 6


def test_a_tear_inside_the_last_trials_is_mended_from_the_records(tmp_path: Path) -> None:
    """When the tear takes whole trials along, they are told again."""
    finished = trials(6)
    opened(tmp_path, {}).add(finished.values())
    path = tmp_path / "journal.log"
    path.write_bytes(path.read_bytes()[: -path.stat().st_size // 3])
    opened(tmp_path, finished)
    assert len(read(tmp_path)) == 6


def test_a_lost_journal_is_written_anew(tmp_path: Path) -> None:
    """The records are enough."""
    opened(tmp_path, {}).add(trials(5).values())
    (tmp_path / "journal.log").unlink()
    assert opened(tmp_path, trials(5)).notes == []
    assert len(read(tmp_path)) == 5


@pytest.mark.parametrize(
    "known_after", [trials(2), {}, trials(5, seed=1), {n: t for n, t in trials(5).items() if n != 2}]
)
def test_a_journal_that_contradicts_the_records_is_set_aside(
    tmp_path: Path, known_after: dict[int, TrialSummary]
) -> None:
    """Records lost, of other trials, or with a hole: the records count, and nothing is thrown away."""
    opened(tmp_path, {}).add(trials(5).values())
    before = (tmp_path / "journal.log").read_bytes()
    storage = opened(tmp_path, known_after)
    (aside,) = tmp_path.glob("journal.log.aside-*")
    assert aside.read_bytes() == before
    assert storage.notes == [
        f"{tmp_path / 'journal.log'}: did not fit the records; written anew, kept as {aside.name}"
    ]
    assert len(read(tmp_path)) == (2 if 2 not in known_after and known_after else len(known_after))


def test_a_running_trial_of_somebody_else_is_set_aside_too(tmp_path: Path) -> None:
    """Whatever else was written to the journal as a trial cannot be ours."""
    opened(tmp_path, {}).add(trials(2).values())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / "journal.log"))
        optuna.load_study(study_name="made-up", storage=optuna.storages.JournalStorage(backend)).ask()
    opened(tmp_path, trials(2))
    assert [trial.state for trial in read(tmp_path)] == [TrialState.COMPLETE] * 2


def test_others_may_write_to_the_journal_meanwhile(tmp_path: Path) -> None:
    """A dashboard that puts a note on the study loses nothing and disturbs nothing."""
    finished, storage = trials(6), opened(tmp_path, {})
    storage.add([finished[0], finished[1]])
    other = journal.open_journal(tmp_path / "journal.log")
    other.set_study_user_attr(0, "note", "hello")
    storage.add([finished[2]])
    other.set_study_user_attr(0, "note", "hello again")
    storage.add([finished[3]])
    assert len(other.get_all_trials(0)) == len(read(tmp_path)) == 4
    assert len(opened(tmp_path, trials(4)).notes) == 0
    assert journal.open_journal(tmp_path / "journal.log").get_study_user_attrs(0) == {"note": "hello again"}


def test_a_study_that_was_deleted_in_a_dashboard_comes_back(tmp_path: Path) -> None:
    """The records are the truth: the next start writes all trials under a new study, and more follow."""
    finished = trials(4)
    opened(tmp_path, {}).add([finished[0], finished[1]])
    other = journal.open_journal(tmp_path / "journal.log")
    other.delete_study(other.get_study_id_from_name("made-up"))
    opened(tmp_path, {n: finished[n] for n in (0, 1)}).add([finished[2]])
    assert len(read(tmp_path)) == 3
    opened(tmp_path, {n: finished[n] for n in (0, 1, 2)}).add([finished[3]])
    assert len(read(tmp_path)) == 4


def test_a_stale_lock_of_the_journal_is_removed(tmp_path: Path) -> None:
    """A process that was killed while writing leaves its lock; the next start does not wait half a minute."""
    opened(tmp_path, {}).add(trials(1).values())
    (tmp_path / "journal.log.lock").touch()
    start = time.monotonic()
    opened(tmp_path, trials(1)).add([trials(2)[1]])
    assert time.monotonic() - start < 5
    assert len(read(tmp_path)) == 2


def test_a_lock_in_use_is_waited_for(tmp_path: Path) -> None:
    """A dashboard that writes at this very moment is not robbed of its lock."""
    opened(tmp_path, {})
    lock = tmp_path / "journal.log.lock"
    lock.touch()
    threading.Timer(0.2, lock.unlink).start()
    assert journal.cut_torn_tail(tmp_path / "journal.log") is None
    assert not lock.exists()


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


DAMAGE = {
    "empty entry": lambda path: path.write_bytes(b"{}\n" + path.read_bytes()),
    "unknown operation": lambda path: path.write_bytes(
        path.read_bytes() + b'{"op_code": 99, "worker_id": "x", "study_id": 0}\n'
    ),
    "wrong types": lambda path: path.write_bytes(
        path.read_bytes() + b'{"op_code": 4, "worker_id": 5, "study_id": [], "datetime_start": 7}\n'
    ),
    "garbage": lambda path: path.write_bytes(bytes(range(256)) * 9),
    "in the middle": lambda path: path.write_bytes(path.read_bytes()[:300] + path.read_bytes()[340:]),
    "twice": lambda path: path.write_bytes(2 * path.read_bytes()),
    "empty": lambda path: path.write_bytes(b""),
    "folder": _folder,
    "loop": _loop,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_journal_is_written_anew(tmp_path: Path, damage: str) -> None:
    """Whatever it holds; what was there is kept under another name, unless nothing was."""
    path = tmp_path / "journal.log"
    opened(tmp_path, {}).add(trials(3).values())
    DAMAGE[damage](path)
    storage = opened(tmp_path, trials(3))
    storage.add([trials(4)[3]])
    assert [trial.number for trial in read(tmp_path)] == list(range(4))
    assert opened(tmp_path, trials(4)).notes == []
    assert len(os.listdir(tmp_path)) == (1 if damage == "empty" else 2) == 1 + len(storage.notes)


def test_a_disk_that_fails_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal that cannot be read for a reason that may pass is left where it is."""
    opened(tmp_path, {}).add(trials(3).values())

    def failing(path: Path) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("sweeper.search.storage.open_journal", failing)
        with pytest.raises(OSError, match="Input/output error"):
            opened(tmp_path, trials(3))
    assert opened(tmp_path, trials(3)).notes == []


def test_a_full_disk_leaves_the_journal_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run ends with one message; what half reached the file is taken back."""
    storage = opened(tmp_path, {})
    storage.add([trials(1)[0]])
    before = (tmp_path / "journal.log").read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunFailed, match=r"No space left on device.*finished trials are kept"):
        storage.add([trials(2)[1]])
    assert (tmp_path / "journal.log").read_bytes() == before


def test_one_group_is_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty trials cost one sync of the file, not one for each of their entries."""
    storage, synced = opened(tmp_path, {}), []
    monkeypatch.setattr(os, "fsync", synced.append)
    storage.add(trials(20).values())
    assert len(synced) == 1


def test_a_database_with_other_trials_is_refused(tmp_path: Path, database: str) -> None:
    """Two run folders do not mix in one study: the message says what is there and what to do."""
    opened(tmp_path, {}, database).add(trials(3).values())
    with pytest.raises(RunFolderError) as caught:
        opened(tmp_path, {}, database)
    assert str(caught.value) == (
        f"--storage '{database}' holds a study 'made-up' with 3 trials, and not all of them are "
        "those of this run folder; start both over with --fresh, or give the study another name"
    )
    delete_study("made-up", database)
    opened(tmp_path, {}, database)


@pytest.mark.parametrize(
    "url", ["nonsense", "sqlite:///no/such/folder/a.db", "postgresql://h/d", "mysql+nodriver://x"]
)
def test_a_wrong_url_is_one_clear_message(url: str) -> None:
    """Whatever sqlalchemy, a driver or Optuna make of it, the user reads one line with an example."""
    with pytest.raises(
        UserError, match=r"^--storage .*: cannot be opened: .* For example sqlite:///sweeper.db$"
    ):
        open_url(url)
