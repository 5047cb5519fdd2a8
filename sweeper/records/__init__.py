"""4 kept: the schema of the records and their crash-safe Parquet store."""
