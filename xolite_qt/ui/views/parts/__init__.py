"""What pages are built of: parts that know stores, unlike the widgets of the kit."""
