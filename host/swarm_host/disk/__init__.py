"""Files on this machine: written whole, logs of bounded size, archives that come back from elsewhere."""
