"""Decide: state in, decision out; no clock, no files, no HTTP."""
