"""Running tests against a package that may hold a stranger's code.

``interface`` says what the service asks of a sandbox; ``arms`` prepares the package copies;
``subprocess_arm`` is one implementation. Nothing here knows tickets, HTTP or SQL.
"""
