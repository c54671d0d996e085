"""Ten thousand operations from eight processes on one PostgreSQL, looked at while they run."""
