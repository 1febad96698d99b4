"""The chaos test: the real processes under load, killed again and again; every promise of theirs is checked."""
