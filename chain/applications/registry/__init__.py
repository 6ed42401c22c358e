"""The registry: organisations, and which record keys speak for them. See README.md beside this file."""
