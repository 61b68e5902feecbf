"""The only place with SQL. Stores take and return domain objects."""
