"""File formats: each one turns domain values into bytes, or bytes into values, and does no I/O."""
