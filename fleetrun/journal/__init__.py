"""The durable event store: leases, device locks and every event of every run."""
