"""A session as frames, versioned: what two AlphaPlus processes say to each other."""
