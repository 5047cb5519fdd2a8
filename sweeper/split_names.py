"""The parts that rows are divided into, by name."""

SPLITS = ("train", "validation", "test")
