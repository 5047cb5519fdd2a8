"""``sweeper export``: the records of a run as files, or in the tool that you use; one file a tool.

All is read from the records of the run: workers never talk to a tool, and no trial waits for one.
"""
