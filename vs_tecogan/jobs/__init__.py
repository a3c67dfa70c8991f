"""Renders that survive anything: a clip in segments, each a whole number of chains, by any number of workers."""
