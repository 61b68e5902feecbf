"""The commands, one module per noun. A command reads options, makes a call, shows the answer."""
