"""Simulated time: travel tables, the event loop, and what comes out of it."""
