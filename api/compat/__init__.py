"""The service's travel times in shapes that clients of other routers know."""
