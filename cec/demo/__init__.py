"""The demo: the whole line on a simulated stand, or on a cloud of one's own, over a bad link."""
