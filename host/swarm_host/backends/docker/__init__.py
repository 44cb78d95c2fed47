"""Containers by the docker command, of this machine or of whatever its context names; podman too."""
