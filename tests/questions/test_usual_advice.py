"""What the trials of a class of curves are advised."""

import pandas as pd

from sweeper.questions.curve_classes import _usual


def test_all_trials_of_a_class_are_advised() -> None:
    """Where those of one class are advised different things, the others are not passed over."""
    rest = pd.DataFrame(
        {
            "class": ["diverged"] * 5 + ["rose"] * 2,
            "advice": ["warm up"] * 3 + ["lower"] * 2 + ["warm up"] * 2,
        }
    )
    assert list(_usual(rest, "Of the other trials, ", {"diverged": 5, "rose": 2})) == [
        "Of the other trials, 3 of the 5 that diverged and 2 rose: warm up; 2 of the 5 that diverged: lower."
    ]
