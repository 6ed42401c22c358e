"""Scanners over, in and through a stand: rays, what they meet, and what is recorded."""
