"""Live time: HTTP service and command line."""
