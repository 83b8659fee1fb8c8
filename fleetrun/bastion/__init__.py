"""The reverse-tunnel bastion: devices dial out, operators dial devices by id."""
