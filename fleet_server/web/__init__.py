"""What every page of the back-office shares: layout, components, assets, live stream, errors."""
