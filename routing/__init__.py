"""Turn a road graph into travel times; knows no vehicle and no incident."""
