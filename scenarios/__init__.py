"""Cities, demand, simulated time, replay, statistics and reports."""
