"""What jupyterhub_config.py calls: roles, authenticator, spawners."""
