"""Pages for people, from the same services as the API."""
