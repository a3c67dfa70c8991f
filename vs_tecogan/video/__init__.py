"""Reading a video file and writing one back: exact timestamps, colour tags, and everything that is not the picture."""
