"""Executing runs: the queue's tasks, and the rescue of runs whose worker was lost."""
