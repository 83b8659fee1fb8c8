"""The wire: what is sent to a device's shell, and what comes back. Pure."""
