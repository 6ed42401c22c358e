"""``cec``: the command line, the composition of a whole house over one data folder, and the demo."""
