"""Disks and VMs over HTTP: exports and imports, as VHD, raw and XVA."""
