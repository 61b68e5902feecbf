"""What the service does: one verb-shaped method is one transaction."""
