"""The lake: Delta logs over encrypted Parquet files."""
