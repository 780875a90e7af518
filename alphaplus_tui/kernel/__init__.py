"""Running things: services, time, the bus, meters; not one word of trading in it."""
