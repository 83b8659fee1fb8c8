"""Lookups that touch the controller's world: files, programs, the network, passwords."""
