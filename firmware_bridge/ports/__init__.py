"""Where device bytes come from: serial, Bluetooth serial, TCP, UDP and recorded logs."""
