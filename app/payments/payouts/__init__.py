"""Paying out what was earned, under two pairs of eyes."""
