"""Agents as processes of this machine, each under a supervisor that outlives its client."""
