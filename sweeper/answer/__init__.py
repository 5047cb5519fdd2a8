"""The answer of a run: which settings win, how sure that is, what is tied with them, in numbers.

`sweeper best`, the terminal and every page say it. Nothing here draws, so whatever only reads the answer does
not wait for matplotlib; what the page says beyond it is in `sweeper.questions`.
"""
