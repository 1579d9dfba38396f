"""The only folder that knows DuckDB: raw tables, relations, sources, what was set aside."""
