"""Cities that come with bluelight; see README.md here."""
