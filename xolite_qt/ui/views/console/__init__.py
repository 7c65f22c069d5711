"""Consoles of VMs and hosts: what they show, where they stand, and what is sent to them."""
