"""Best-effort consumers of the event stream: terminal, folded output, JSON lines."""
