"""Runs the named SQL; nothing else in governance knows the database."""
