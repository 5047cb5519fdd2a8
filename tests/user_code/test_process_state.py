"""What code of the user does to the whole process is undone before the next trial."""

import functools
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sweeper.private_torch import hooks_of_all_modules
from sweeper.user_code.process_state import changes_from_now, process_kept

Deed = Callable[[Path], object]
DEEDS: dict[str, tuple[Deed, Callable[[], object]]] = {
    "folder": (os.chdir, os.getcwd),
    "device": (lambda _: torch.set_default_device("meta"), torch.get_default_device),
    "gradients": (lambda _: torch.set_grad_enabled(False), torch.is_grad_enabled),
    "precision": (lambda _: torch.set_default_dtype(torch.float64), torch.get_default_dtype),
    "threads": (lambda _: torch.set_num_threads(torch.get_num_threads() + 1), torch.get_num_threads),
    "products": (
        lambda _: torch.set_float32_matmul_precision("medium"),
        torch.get_float32_matmul_precision,
    ),
    "anomalies": (lambda _: torch.autograd.set_detect_anomaly(True), torch.is_anomaly_enabled),
    "errors of numpy": (lambda _: np.seterr(all="raise"), np.geterr),
    "hooks of all modules": (
        lambda _: nn.modules.module.register_module_full_backward_hook(lambda *_: None),
        lambda: {name: dict(table) for name, table in hooks_of_all_modules().items()},
    ),
    "recursion": (lambda _: sys.setrecursionlimit(5000), sys.getrecursionlimit),
    "signals": (
        lambda _: signal.signal(signal.SIGTERM, signal.SIG_IGN),
        lambda: signal.getsignal(signal.SIGTERM),
    ),
    "warnings": (lambda _: warnings.simplefilter("error"), lambda: list(warnings.filters)),
    "autocast": (
        lambda _: torch.set_autocast_enabled("cpu", True),
        lambda: torch.is_autocast_enabled("cpu"),
    ),
    "backends": (
        lambda _: setattr(torch.backends.mkldnn, "enabled", False),
        lambda: torch.backends.mkldnn.enabled,
    ),
    "a function of torch": (lambda _: setattr(F, "mse_loss", F.l1_loss), lambda: F.mse_loss),
    "a method of a layer": (
        lambda _: setattr(nn.Linear, "reset_parameters", lambda layer: None),
        lambda: nn.Linear.reset_parameters,
    ),
    "a deleted name": (lambda _: delattr(nn.init, "ones_"), lambda: getattr(nn.init, "ones_", None)),
    "streams": (lambda _: setattr(sys, "stdout", sys.stderr), lambda: sys.stdout),
}
"""what is changed -> (a change, how to see it)"""


@pytest.mark.parametrize("what", DEEDS)
def test_it_is_as_before(what: str, tmp_path: Path) -> None:
    """Whatever the code changes, and when it raises too."""
    change, seen = DEEDS[what]
    before = seen()
    with pytest.raises(ZeroDivisionError), process_kept():  # noqa: PT012
        change(tmp_path)
        assert seen() != before
        raise ZeroDivisionError
    assert seen() == before


def test_a_closed_stream_is_open_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The next trial may print."""
    with (tmp_path / "out").open("w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        with process_kept():
            sys.stdout.close()
        assert not sys.stdout.closed
        print("more")


def test_a_folder_that_is_gone_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor one that goes meanwhile, nor a thread, which has no signal handlers."""
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    (tmp_path / "a").rmdir()

    def kept() -> None:
        with process_kept():
            os.chdir(tmp_path)

    thread = threading.Thread(target=kept)
    thread.start()
    thread.join(30)
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    with process_kept():
        os.chdir(tmp_path)
        (tmp_path / "a").rmdir()
    monkeypatch.chdir(tmp_path)


def test_what_a_library_replaces_while_it_is_imported_stays() -> None:
    """A wrapper of the same name that is not the user's: the library stays imported, too."""
    own = nn.init.zeros_

    @functools.wraps(own)
    def wrapped(tensor: torch.Tensor) -> torch.Tensor:
        return own(tensor)

    wrapped.__code__ = wrapped.__code__.replace(co_filename=torch.__file__)
    try:
        with process_kept():
            nn.init.zeros_ = wrapped
        assert nn.init.zeros_ is wrapped
    finally:
        nn.init.zeros_ = own


def test_what_decides_over_numbers_is_named() -> None:
    """For the reason why a model is not stacked."""
    with process_kept():
        changed = changes_from_now()
        assert changed() == []
        os.environ["NOTHING"] = "1"
        assert changed() == []
        torch.set_grad_enabled(False)
        F.mse_loss = F.l1_loss
        assert changed() == ["whether gradients are taken", "torch.nn.functional.mse_loss"]
