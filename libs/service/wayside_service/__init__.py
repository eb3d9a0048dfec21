"""What every Wayside service needs and none owns."""
