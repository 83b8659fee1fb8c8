"""Plain data that the rest of fleetrun speaks in: frozen, no IO, no behaviour beyond itself."""
