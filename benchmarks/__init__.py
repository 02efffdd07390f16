"""Every claim, measured side by side with the peers."""
