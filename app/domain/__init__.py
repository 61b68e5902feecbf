"""What the service knows about findings: pure data and pure rules, standard library only."""
