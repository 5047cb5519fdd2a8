"""A study's data, loaded."""

from sweeper.components.losses import LOSSES
from sweeper.data.data import Data
from sweeper.data.load import load
from sweeper.study.settings import keys_of
from sweeper.study.study import Study


def data_of(study: Study) -> Data:
    """What the sweep loads for `study`.

    Raises:
        DataError: as `load`.
    """
    loss = LOSSES.get(study.training.loss) if isinstance(study.training.loss, str) else None
    return load(
        study.data.source,
        target=study.data.target,
        folder=study.folder,
        options=study.data.options,
        loss_task=loss.task if loss else None,
        keys=keys_of(study),
    )
