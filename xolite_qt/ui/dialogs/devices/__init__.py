"""Dialogs about the disks, drives and network cards of VMs."""
