"""How answers of the service are laid out; each view prints to an ``Output``."""
