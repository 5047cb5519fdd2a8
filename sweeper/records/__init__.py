"""The schema of the records and their crash-safe Parquet store."""
