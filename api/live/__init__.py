"""Live time: the durable log of what happened, and what follows from it."""
