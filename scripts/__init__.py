"""What builds, checks and prepares; run by make, and no part of the distribution."""
