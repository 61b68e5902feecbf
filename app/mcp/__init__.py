"""Tools for agents after the Model Context Protocol; each is one or two calls of the REST API."""
