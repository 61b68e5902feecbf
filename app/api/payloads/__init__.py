"""What goes in and out as JSON. Inputs are checked; outputs are documented."""
