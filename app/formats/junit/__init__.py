"""JUnit XML: runs as CI servers read them, and what CI servers report."""
