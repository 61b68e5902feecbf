"""The history of the database schema, in the order of ``versions/``."""
