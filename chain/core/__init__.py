"""The state machine: accounts, transactions, fees and the bank, and the frame that runs modules over state."""
