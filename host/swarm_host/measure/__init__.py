"""What the host side itself costs, measured by `python -m swarm_host.measure`."""
