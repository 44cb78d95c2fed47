"""What the backends of cloud services have in common: a unit is a sandbox without folders of ours."""
